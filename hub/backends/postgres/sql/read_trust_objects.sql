-- $1 digests
select digest, kind, body from trust_objects where digest = any($1::bytea[])
