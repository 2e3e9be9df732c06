-- What was fetched, the newest last; without the bytes that are known already. $1 their digests
select kind, url, fingerprint, digest, case when digest = any($1::bytea[]) then null else body end as body
  from revocation_sources
 where digest is not null
 order by fetched_at
