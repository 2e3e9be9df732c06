-- In the order of the keys, as everybody who takes several.
with held as materialized (
    select o.entry_id
    from outbox_entries o
    join unnest($1::bigint[], $2::int[]) as r (entry_id, attempt) on o.entry_id = r.entry_id and o.attempt = r.attempt
    where o.claimed_by = $3::bigint
    order by o.entry_id
    for update of o
)
update outbox_entries o set claimed_by = null, claimed_until = null
from held
where o.entry_id = held.entry_id
