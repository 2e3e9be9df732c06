insert into invalid_messages as i (queue, digest, body, claimed_by, reason, arrived_at)
select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::timestamptz[])
on conflict (queue, digest) do update set times = i.times + 1
