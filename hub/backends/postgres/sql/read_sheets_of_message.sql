-- $1 message id: the signed bytes of every receipt about it
select s.sheet_id, s.body
  from receipt_sheets s
 where s.sheet_id in (select r.sheet_id from receipts r where r.message_id = $1)
 order by s.sheet_id
