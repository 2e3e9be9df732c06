with full_ones as materialized (
    select m.name, p.until, p.because
    from mailboxes m
    join unnest($1::text[], $2::timestamptz[], $3::text[]) as p (name, until, because) using (name)
    order by m.name
    for update of m
)
update mailboxes m
set parked_since = coalesce(m.parked_since, now()), parked_until = f.until, parked_because = f.because
from full_ones f
where m.name = f.name
returning m.name, m.parked_since = now() as is_new
