-- Entries of deliveries that need no more publishing; one that is in flight is ended by what the broker says.
delete from outbox_entries where delivery_id = any($1::uuid[]) and claimed_by is null
