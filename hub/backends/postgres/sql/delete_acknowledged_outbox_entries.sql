-- Claimed just now, yet nothing is left to publish: the recipient has acknowledged meanwhile.
delete from outbox_entries where entry_id = any($1::bigint[])
