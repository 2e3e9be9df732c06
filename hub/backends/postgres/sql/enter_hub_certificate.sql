-- $1 fingerprint, $2 certificate, $3 certificates above it, $4 its end
insert into hub_certificates (fingerprint, der, chain, not_after)
select $1, $2, $3::bytea[], $4 where not exists (select from hub_certificates where fingerprint = $1)
on conflict (fingerprint) do nothing
