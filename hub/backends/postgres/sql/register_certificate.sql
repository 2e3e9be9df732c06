-- $1 fingerprint, $2 key of the agency, $3 subject, $4 DER, $5 not before, $6 not after, $7 kind
insert into certificates (fingerprint, agency, subject, der, not_before, not_after, kind)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (fingerprint) do nothing
returning fingerprint
