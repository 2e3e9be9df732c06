-- $1 sources, $2 kinds, $3 addresses, $4 fingerprints
insert into revocation_sources (source, kind, url, fingerprint)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) on conflict (source) do nothing
