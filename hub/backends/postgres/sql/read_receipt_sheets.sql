select sheet_id, event, body from receipt_sheets where sheet_id = any($1::uuid[])
