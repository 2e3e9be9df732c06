-- $1 message id
select r.receipt_id, r.event, r.mailbox, r.issued_at, r.supersedes, p.at as stamped_at,
       array_agg(s.delivery_id) filter (where s.delivery_id is not null) as deliveries
  from receipts r
  left join receipt_subjects s on s.receipt_id = r.receipt_id
  left join stamped_sheets t on t.sheet_id = r.sheet_id
  left join time_stamps p on p.stamp_id = t.stamp_id
 where r.message_id = $1
 group by r.receipt_id, p.stamp_id
