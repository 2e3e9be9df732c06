-- Handed over to this process at once, unless its lane has something earlier that was never published (by
-- another process), or its mailbox is parked: then it waits as a row.
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets,
    expires_at, claimed_by, claimed_until)
select delivery_id, mailbox, sender, recipient, is_urgent, lane_number, 1, octets,
    expires_at,
    case when waits then null else $9::bigint end,
    case when waits then null else now() + $10::interval end
from (
    select n.*,
        exists (
            select from outbox_entries e
            where e.sender = n.sender and e.recipient = n.recipient and e.is_urgent = n.is_urgent
                and e.is_fresh and e.lane_number > 0 and e.lane_number < n.lane_number
                and n.lane_number > 0 and e.claimed_by is distinct from $9::bigint)
        or exists (select from mailboxes m where m.name = n.mailbox and m.parked_until > now()) as waits
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::int[],
        $8::timestamptz[])
        with ordinality as n (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, octets, expires_at,
            position)
) as fresh
order by position
returning entry_id, delivery_id, claimed_by is not null as is_handed_over
