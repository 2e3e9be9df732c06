-- The same for receipts, two thirds of everything that is confirmed: nobody else moves them, and no evidence follows.
with published as (
    select * from unnest($1::bigint[], $2::int[], $3::timestamptz[]) as p (entry_id, attempt, at)
),
ended as (
    delete from outbox_entries o
    using published p
    where o.entry_id = p.entry_id and o.attempt = p.attempt
    returning o.delivery_id, p.at
)
update deliveries d
set state = 'consigned', consigned_at = coalesce(d.consigned_at, e.at)
from ended e
where d.delivery_id = e.delivery_id and d.state = 'waiting'
returning d.mailbox
