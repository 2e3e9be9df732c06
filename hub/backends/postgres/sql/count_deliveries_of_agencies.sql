-- $1 keys of agencies
select (select count(*) from outbox_entries where sender = any($1::text[])) as waiting_from,
    (select count(*) from outbox_entries where recipient = any($1::text[])) as waiting_for,
    (select count(*) from deliveries
      where kind = 'document' and state = 'consigned' and recipient = any($1::text[])) as unacknowledged
