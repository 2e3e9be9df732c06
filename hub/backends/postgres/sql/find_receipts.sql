select receipt_id, message_id, event, body from receipts where message_id = any($1::uuid[]) and event = any($2::text[])
