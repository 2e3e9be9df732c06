-- $1 digests
select digest, body from revocation_sources where digest = any($1::bytea[])
