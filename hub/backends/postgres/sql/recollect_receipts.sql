-- $1 receipt ids: those that are known
select receipt_id from receipts where receipt_id = any ($1::uuid[])
