-- Handed over to this process at once, unless its lane has something earlier that was never published (by
-- another process), or its mailbox is parked or drained: then it waits as a row. $1 deliveries that were just entered,
-- in the order in which they are to go out, $2 the octets of each, $3 and $4 who claims and for how long.
with fresh as materialized (
    select delivery_id, d.mailbox, d.sender, d.recipient, d.is_urgent, d.lane_number, d.expires_at, n.octets, n.position
    from unnest($1::uuid[], $2::int[]) with ordinality as n (delivery_id, octets, position)
    join deliveries d using (delivery_id)
),
-- Once for a lane, however many of its entries are new: its first that somebody else has yet to publish.
lanes_held as materialized (
    select l.*, (
        select min(e.lane_number) from outbox_entries e
        where e.sender = l.sender and e.recipient = l.recipient and e.is_urgent = l.is_urgent
            and e.is_fresh and e.lane_number > 0 and e.claimed_by is distinct from $3::bigint) as from_number
    from (select distinct sender, recipient, is_urgent from fresh where lane_number > 0) as l
),
judged as (
    select f.*,
        coalesce(f.lane_number > h.from_number and f.lane_number > 0, false)
        or exists (select from mailboxes m where m.name = f.mailbox and m.breaker <> 'closed') as waits
    from fresh f
    left join lanes_held h using (sender, recipient, is_urgent)
)
insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets,
    expires_at, claimed_by, claimed_until)
select delivery_id, mailbox, sender, recipient, is_urgent, lane_number, 1, octets,
    expires_at,
    case when waits then null else $3::bigint end,
    case when waits then null else now() + $4::interval end
from judged
order by position
returning entry_id, delivery_id, claimed_by is not null as is_handed_over
