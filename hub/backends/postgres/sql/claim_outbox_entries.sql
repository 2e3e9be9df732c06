-- A claim is free when nobody holds it, when its time is over, or when its process is gone (its advisory lock with it).
with alive as materialized (
    select objid::bigint as claimant
    from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = $5::oid
        and database = (select oid from pg_database where datname = current_database())
),
-- Mailbox by mailbox, so that what is parked, or waits for its next attempt, is not even looked at.
candidates as materialized (
    select d.*
    from mailboxes m
    cross join lateral (
        (select o.entry_id, o.is_urgent, o.is_fresh, o.lane_number, o.sender, o.recipient
        from outbox_entries o
        where o.mailbox = m.name and o.is_fresh
            and (o.claimed_by is null or o.claimed_until < now()
                or o.claimed_by <> $1::bigint and o.claimed_by not in (select claimant from alive))
        order by o.is_urgent desc, o.entry_id
        limit $2::int)
        union all
        (select o.entry_id, o.is_urgent, o.is_fresh, o.lane_number, o.sender, o.recipient
        from outbox_entries o
        where o.mailbox = m.name and not o.is_fresh and o.not_before <= now()
            and (o.claimed_by is null or o.claimed_until < now()
                or o.claimed_by <> $1::bigint and o.claimed_by not in (select claimant from alive))
        order by o.not_before
        limit $2::int)
    ) as d
    where m.parked_until is null or m.parked_until <= now()
    order by d.is_urgent desc, d.entry_id
    limit 5 * $2::int
),
-- What stands behind what another process holds is not worth picking: it would be left out below.
due as materialized (
    select c.entry_id
    from candidates c
    where not c.is_fresh or c.lane_number = 0 or not exists (
        select from outbox_entries e
        where e.sender = c.sender and e.recipient = c.recipient and e.is_urgent = c.is_urgent
            and e.is_fresh and e.lane_number > 0 and e.lane_number < c.lane_number
            and e.claimed_by <> $1::bigint and e.claimed_until >= now()
            and e.claimed_by in (select claimant from alive))
    order by c.is_urgent desc, c.entry_id
    limit $2::int
),
-- The conditions once more: they are looked at again where somebody was quicker between the look and the lock.
picked as materialized (
    select o.entry_id, o.sender, o.recipient, o.is_urgent, o.lane_number, o.is_fresh, o.octets
    from outbox_entries o
    where o.entry_id in (select entry_id from due) and o.not_before <= now()
        and (o.claimed_by is null or o.claimed_until < now()
            or o.claimed_by <> $1::bigint and o.claimed_by not in (select claimant from alive))
    order by o.is_urgent desc, o.entry_id
    for update of o skip locked
),
allowed as (
    select p.entry_id, sum(p.octets) over (order by p.is_urgent desc, p.entry_id) as octets_with,
        row_number() over (order by p.is_urgent desc, p.entry_id) as position
    from picked p
    where not p.is_fresh or p.lane_number = 0 or not exists (
        select from outbox_entries e
        where e.sender = p.sender and e.recipient = p.recipient and e.is_urgent = p.is_urgent
            and e.is_fresh and e.lane_number > 0 and e.lane_number < p.lane_number
            and e.claimed_by is distinct from $1::bigint
            and e.entry_id not in (select entry_id from picked))
),
taken as (
    update outbox_entries o set claimed_by = $1::bigint, claimed_until = now() + $4::interval
    from allowed a
    where o.entry_id = a.entry_id and (a.octets_with <= $3::bigint or a.position = 1)
    returning o.entry_id, o.delivery_id, o.attempt
)
select t.entry_id, t.attempt, d.delivery_id, d.message_id, d.kind, d.mailbox, d.sender, d.recipient, d.is_urgent,
    d.lane_number, d.correlation_id, d.document_id, r.event, d.expires_at, d.state,
    coalesce(r.body, m.body) as body
from taken t
join deliveries d using (delivery_id)
left join receipt_sheets r using (sheet_id)
left join messages m on m.message_id = d.message_id and d.sheet_id is null
order by d.is_urgent desc, t.entry_id
