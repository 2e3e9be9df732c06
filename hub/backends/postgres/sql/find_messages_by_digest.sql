-- $1 first and $2 last digest of the range, $3 limit
select message_id from messages where digest between $1 and $2 order by received_at limit $3
