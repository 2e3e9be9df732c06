-- Entries of deliveries that need no more publishing; one that is in flight is ended by what the broker says.
with idle as materialized (
    select entry_id from outbox_entries
    where delivery_id = any($1::uuid[]) and claimed_by is null
    order by entry_id
    for update
)
delete from outbox_entries o using idle where o.entry_id = idle.entry_id
