-- $1 fingerprints, $2 days; one that is nearer stands for those before it
insert into certificate_warnings (fingerprint, days)
select * from unnest($1::bytea[], $2::smallint[]) on conflict do nothing
returning fingerprint, days
