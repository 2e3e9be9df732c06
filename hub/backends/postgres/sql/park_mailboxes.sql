update mailboxes m
set parked_since = coalesce(m.parked_since, now()), parked_until = p.until, parked_because = p.because
from unnest($1::text[], $2::timestamptz[], $3::text[]) as p (name, until, because)
where m.name = p.name
returning m.name, m.parked_since = now() as is_new
