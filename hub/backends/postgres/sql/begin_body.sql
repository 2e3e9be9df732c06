-- $1 mailbox, $2 digest, $3 octets. What has expired may be checked in anew.
insert into bodies as b (mailbox, digest, octets) values ($1, $2, $3)
on conflict (mailbox, digest) do update set state = 'uploading', received = 0, touched_at = now(), accepted_at = null
    where b.state = 'expired' and b.octets = excluded.octets
