-- What was fetched, the newest last.
select kind, url, fingerprint, digest from revocation_sources where digest is not null order by fetched_at
