-- $1 fingerprints, $2 since when: without a bound it would read every message
select count(*) as messages, max(received_at) as last_used_at
  from messages
 where received_at >= $2 and signed_by = any($1::bytea[])
