-- $1 id or null, $2 older than this id or null, $3 words of the reason or null, $4 octets of the beginning, $5 limit
select invalid_id, queue, digest, octet_length(body) as octets, substring(body from 1 for $4) as beginning, claimed_by,
       reason, arrived_at, times
  from invalid_messages
 where ($1::bigint is null or invalid_id = $1)
   and ($2::bigint is null or invalid_id < $2)
   and ($3::text is null or strpos(lower(reason), lower($3)) > 0)
 order by invalid_id desc
 limit $5
