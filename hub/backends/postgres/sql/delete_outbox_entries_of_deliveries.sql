delete from outbox_entries where delivery_id = any($1::uuid[])
