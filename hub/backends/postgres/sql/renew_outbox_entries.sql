-- Not answered, so still to be published by who holds it: later entries of its lane wait for it.
update outbox_entries o set claimed_until = now() + $4::interval
from unnest($1::bigint[], $2::int[]) as r (entry_id, attempt), deliveries d
where o.entry_id = r.entry_id and o.attempt = r.attempt and o.claimed_by = $3::bigint
    and d.delivery_id = o.delivery_id and d.state = 'waiting'
returning o.entry_id
