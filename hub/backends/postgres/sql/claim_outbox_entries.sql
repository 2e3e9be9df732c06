-- Who may hold claims: a claim is free when nobody holds it, when its time is over, or when its process is gone (its
-- advisory lock with it).
with recursive holders as materialized (
    select objid::bigint as claimant
    from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = $5::oid
        and database = (select oid from pg_database where datname = current_database())
    union all
    select $1::bigint
),
-- Mailboxes with a breaker that is not closed get nothing, but for those of $7: each of these gets as much as $8 says,
-- and a probe where $9 says so.
parked as materialized (
    select name as mailbox from mailboxes where breaker <> 'closed' and name <> all($7::text[])
),
-- Who has anything waiting: one step through an index for each, once round, beginning behind $6, which the last claim
-- served. No more steps are made than `served` needs, so that a claim costs the same with 200 mailboxes and with 5,000.
waiting_for (mailbox, position, is_round) as (
    values ($6::text, 0, false)
    union all
    select coalesce(next.mailbox, ''), w.position + 1, w.is_round or next.mailbox is null
    from waiting_for w
    cross join lateral (
        select least(
            (select o.mailbox from outbox_entries o where o.is_fresh and o.mailbox > w.mailbox
            order by o.mailbox limit 1),
            (select o.mailbox from outbox_entries o where not o.is_fresh and o.mailbox > w.mailbox
            order by o.mailbox limit 1)
        ) as mailbox
        offset 0 -- asked once, not once for each mention
    ) as next
    where not w.is_round or next.mailbox <= $6::text
),
-- Two hundred mailboxes, and only who has something that is free, and does not stand behind what another process
-- holds, among its first: asked about the very first, and where that does not go, about the first of each lane. Together
-- they give what is needed a few times over. So what is urgent goes first where up to two hundred wait; where more do, it
-- goes first when its mailbox has its turn, a few claims later.
served as materialized (
    select s.mailbox, greatest(5, least($2::int, 5 * $2::int / count(*) over ())) as share,
        (select r.allowance from unnest($7::text[], $8::int[]) as r (name, allowance) where r.name = s.mailbox)
            as allowance,
        (select r.is_probe from unnest($7::text[], $9::boolean[]) as r (name, is_probe) where r.name = s.mailbox)
            as is_probe
    from (
        select w.mailbox
        from waiting_for w
        where w.position > 0 and w.mailbox <> '' and w.mailbox not in (select mailbox from parked)
            and coalesce(
                (select true from (
                    select o.sender, o.recipient, o.is_urgent, o.lane_number from outbox_entries o
                    where o.mailbox = w.mailbox and o.is_fresh
                        and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
                    order by o.is_urgent desc, o.entry_id
                    limit 1
                ) as f
                where f.lane_number = 0 or not exists (
                    select from outbox_entries e
                    where e.sender = f.sender and e.recipient = f.recipient and e.is_urgent = f.is_urgent
                        and e.is_fresh and e.lane_number > 0 and e.lane_number < f.lane_number
                        and e.claimed_by <> $1::bigint and e.claimed_until >= now()
                        and e.claimed_by in (select claimant from holders))),
                (select true from (
                    select a.sender, a.recipient, a.is_urgent, min(a.lane_number) as lane_number
                    from (
                        select o.sender, o.recipient, o.is_urgent, o.lane_number from outbox_entries o
                        where o.mailbox = w.mailbox and o.is_fresh and (o.claimed_until >= now()
                            and o.claimed_by in (select claimant from holders)) is not true
                        order by o.is_urgent desc, o.entry_id
                        limit 50
                    ) as a
                    group by a.sender, a.recipient, a.is_urgent
                ) as f
                where f.lane_number = 0 or not exists (
                    select from outbox_entries e
                    where e.sender = f.sender and e.recipient = f.recipient and e.is_urgent = f.is_urgent
                        and e.is_fresh and e.lane_number > 0 and e.lane_number < f.lane_number
                        and e.claimed_by <> $1::bigint and e.claimed_until >= now()
                        and e.claimed_by in (select claimant from holders))
                limit 1),
                (select true from outbox_entries o
                where o.mailbox = w.mailbox and not o.is_fresh and o.not_before <= now()
                    and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
                limit 1))
        limit greatest(200, $2::int)
    ) as s
),
-- Mailbox by mailbox, so that what is parked, or waits for its next attempt, is not even looked at. Where a mailbox is
-- drained, what is urgent comes first also of what came back, and what came back before what was never sent. A probe is
-- better something that never came back, or else what has waited longest since it did: it may have been bad itself, urgent
-- or not.
candidates as materialized (
    select d.*
    from served s
    cross join lateral (
        select c.entry_id, c.is_urgent, c.is_fresh, c.lane_number, c.sender, c.recipient
        from (
            (select o.entry_id, o.is_urgent, o.is_fresh, o.lane_number, o.sender, o.recipient, null as not_before
            from outbox_entries o
            where o.mailbox = s.mailbox and o.is_fresh
                and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
            order by o.is_urgent desc, o.entry_id
            limit s.share)
            union all
            (select o.entry_id, o.is_urgent, o.is_fresh, o.lane_number, o.sender, o.recipient, o.not_before
            from outbox_entries o
            where o.mailbox = s.mailbox and not o.is_fresh and o.not_before <= now()
                and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
            order by o.not_before
            limit s.share)
            union
            (select o.entry_id, o.is_urgent, o.is_fresh, o.lane_number, o.sender, o.recipient, o.not_before
            from outbox_entries o
            where s.allowance is not null and o.mailbox = s.mailbox and not o.is_fresh and o.is_urgent
                and o.not_before <= now()
                and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
            order by o.not_before
            limit s.share)
        ) as c
        order by case when s.is_probe then not c.is_fresh else not c.is_urgent end,
            c.is_fresh and not (coalesce(s.is_probe, false) and c.is_urgent), c.not_before, c.entry_id
        limit s.allowance
    ) as d
),
-- What stands behind what another process holds is not worth picking: it would be left out below. Looked for once
-- for a lane, as far as its last candidate. A lane's entries stay with it: joined with it again, each entry would be
-- compared with each lane.
held as materialized (
    select l.*, (
        select min(e.lane_number) from outbox_entries e
        where e.sender = l.sender and e.recipient = l.recipient and e.is_urgent = l.is_urgent
            and e.is_fresh and e.lane_number > 0 and e.lane_number < l.last_number
            and e.claimed_by <> $1::bigint and e.claimed_until >= now()
            and e.claimed_by in (select claimant from holders)) as from_number
    from (
        select sender, recipient, is_urgent, max(lane_number) as last_number, array_agg(entry_id) as entries,
            array_agg(lane_number) as numbers
        from candidates
        where is_fresh and lane_number > 0
        group by sender, recipient, is_urgent
    ) as l
),
due as materialized (
    select d.entry_id
    from (
        select c.entry_id, c.is_urgent from candidates c where not c.is_fresh or c.lane_number = 0
        union all
        select e.entry_id, h.is_urgent
        from held h
        cross join lateral unnest(h.entries, h.numbers) as e (entry_id, lane_number)
        where h.from_number is null or e.lane_number < h.from_number
    ) as d
    order by d.is_urgent desc, d.entry_id
    limit $2::int
),
-- The conditions once more: they are looked at again where somebody was quicker between the look and the lock.
picked as materialized (
    select o.entry_id, o.sender, o.recipient, o.is_urgent, o.lane_number, o.is_fresh, o.octets
    from outbox_entries o
    where o.entry_id in (select entry_id from due) and o.not_before <= now()
        and (o.claimed_until >= now() and o.claimed_by in (select claimant from holders)) is not true
    order by o.is_urgent desc, o.entry_id
    for update of o skip locked
),
-- Nothing on the lane may be earlier that was never published and is neither picked nor in our own hand.
missed as materialized (
    select l.*, (
        select min(e.lane_number) from outbox_entries e
        where e.sender = l.sender and e.recipient = l.recipient and e.is_urgent = l.is_urgent
            and e.is_fresh and e.lane_number > 0 and e.lane_number < l.last_number
            and e.claimed_by is distinct from $1::bigint
            and e.entry_id not in (select entry_id from picked)) as from_number
    from (
        select sender, recipient, is_urgent, max(lane_number) as last_number, array_agg(entry_id) as entries,
            array_agg(lane_number) as numbers, array_agg(octets) as sizes
        from picked
        where is_fresh and lane_number > 0
        group by sender, recipient, is_urgent
    ) as l
),
allowed as (
    select p.entry_id, sum(p.octets) over (order by p.is_urgent desc, p.entry_id) as octets_with,
        row_number() over (order by p.is_urgent desc, p.entry_id) as position
    from (
        select entry_id, is_urgent, octets from picked where not is_fresh or lane_number = 0
        union all
        select e.entry_id, m.is_urgent, e.octets
        from missed m
        cross join lateral unnest(m.entries, m.numbers, m.sizes) as e (entry_id, lane_number, octets)
        where m.from_number is null or e.lane_number < m.from_number
    ) as p
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
