-- $1 id or null, $2 limit
select invalid_id, queue, digest, body, claimed_by, reason, arrived_at, times from invalid_messages
 where $1::bigint is null or invalid_id = $1
 order by invalid_id desc
 limit $2
