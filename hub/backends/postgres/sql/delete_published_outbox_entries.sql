-- The attempt fences: what a return has taken over meanwhile is no longer this publish's to end.
delete from outbox_entries o
using unnest($1::bigint[], $2::int[]) as p (entry_id, attempt)
where o.entry_id = p.entry_id and o.attempt = p.attempt
returning o.delivery_id
