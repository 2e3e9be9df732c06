-- $1 delivery id: the receipts that it carried, where they are about several messages
select s.body from deliveries d join receipt_sheets s using (sheet_id) where d.delivery_id = $1 and d.message_id is null
