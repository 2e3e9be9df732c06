-- $1 message id, $2 receipt id
select s.body
  from receipts r join receipt_sheets s using (sheet_id)
 where r.message_id = $1 and r.receipt_id = $2
