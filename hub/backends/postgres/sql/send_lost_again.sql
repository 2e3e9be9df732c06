-- $1 delivery ids, locked and consigned, $2 not before. It goes out as what came back does: the next attempt of the same
-- episode, behind nobody; and has its whole lifetime again, since it must not expire for the time that it was lost.
with again as (
    update deliveries d
    set state = 'waiting', attempt = d.attempt + 1, first_attempt = d.first_attempt + 1, consigned_at = null,
        expires_at = now() + (d.expires_at - d.created_at)
    from unnest($1::uuid[], $2::timestamptz[]) as n (delivery_id, not_before)
    where d.delivery_id = n.delivery_id and d.state = 'consigned'
    returning d.*, n.not_before)
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets, is_fresh,
    not_before, expires_at)
select a.delivery_id, a.mailbox, a.sender, a.recipient, a.is_urgent, a.lane_number, a.attempt,
    octet_length(coalesce(r.body, m.body)), false, a.not_before, a.expires_at
from again a
left join receipt_sheets r using (sheet_id)
left join messages m on m.message_id = a.message_id and a.sheet_id is null
order by a.not_before
