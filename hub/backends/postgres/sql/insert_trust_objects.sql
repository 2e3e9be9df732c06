-- $1 digests, $2 kinds, $3 bodies; in the order of the digests, so that two commits do not wait for one another
insert into trust_objects (digest, kind, body)
select * from unnest($1::bytea[], $2::text[], $3::bytea[]) on conflict (digest) do nothing
