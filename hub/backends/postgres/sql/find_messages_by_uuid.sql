-- $1 name of a message, a delivery or a receipt
select message_id from messages where message_id = $1
union select message_id from deliveries where delivery_id = $1 and message_id is not null
union select message_id from receipts where receipt_id = $1
