-- $1 message id
select r.receipt_id, r.event, r.mailbox, r.issued_at, r.supersedes,
       array_agg(s.delivery_id) filter (where s.delivery_id is not null) as deliveries
  from receipts r
  left join receipt_subjects s on s.receipt_id = r.receipt_id
 where r.message_id = $1
 group by r.receipt_id
