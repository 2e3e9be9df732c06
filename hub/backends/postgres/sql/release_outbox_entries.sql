update outbox_entries o set claimed_by = null, claimed_until = null
from unnest($1::bigint[], $2::int[]) as r (entry_id, attempt)
where o.entry_id = r.entry_id and o.attempt = r.attempt and o.claimed_by = $3::bigint
