-- $1 token digest, $2 now
update sessions set seen_at = $2 where token_digest = $1
