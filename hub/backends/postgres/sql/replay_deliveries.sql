-- $1 delivery ids. The same content that is current for the same recipient elsewhere breaks deliveries_same_content.
-- A replayed delivery gets its whole lifetime again: it must not expire for the time that its case waited.
with replayed as (
    update deliveries d
       set state = 'waiting', is_current = true, attempt = d.attempt + 1, episode = d.episode + 1,
           first_attempt = d.attempt + 1, consigned_at = null, closed_at = null, expires_at = now() + (d.expires_at - d.created_at)
     where d.delivery_id = any ($1::uuid[])
    returning d.*)
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets, is_fresh,
    expires_at)
select r.delivery_id, r.mailbox, r.sender, r.recipient, r.is_urgent, r.lane_number, r.attempt,
       octet_length(coalesce(c.body, m.body)), false, r.expires_at
  from replayed r
  left join messages m on m.message_id = r.message_id
  left join receipt_sheets c on c.sheet_id = r.sheet_id
 order by r.is_urgent desc, r.sender, r.recipient, r.lane_number
