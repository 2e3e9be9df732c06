insert into cases (queue, digest, body, mailbox, cause, opened_at, cause_code)
select *, 'hub' from unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[])
on conflict (queue, digest) where queue is not null do nothing
