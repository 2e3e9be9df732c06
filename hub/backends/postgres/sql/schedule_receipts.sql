-- $1 delivery ids of receipt sheets that were just entered, for whichever hub process claims them first
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets, is_fresh,
    expires_at)
select d.delivery_id, d.mailbox, d.sender, d.recipient, d.is_urgent, d.lane_number, d.attempt, octet_length(r.body), false,
       d.expires_at
  from deliveries d
  join receipt_sheets r on r.sheet_id = d.sheet_id
 where d.delivery_id = any ($1::uuid[])
