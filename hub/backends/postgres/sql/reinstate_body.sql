-- $1 mailbox, $2 digest, $3 octets: it lies in the store with this digest, and the database has lost how it came there
insert into bodies (mailbox, digest, octets, received, state) values ($1, $2, $3, $3, 'complete')
on conflict (mailbox, digest) do update set received = excluded.octets, state = 'complete', touched_at = now()
    where bodies.octets = excluded.octets
