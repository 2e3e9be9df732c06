-- $1 fingerprint, $2 subject, $3 DER
insert into issuing_certificates (fingerprint, subject, der) values ($1, $2, $3)
on conflict (fingerprint) do nothing
