-- $1 key, $2 when, $3 key of the successor or null
update agencies set closed_at = $2, successor = $3 where key = $1 and closed_at is null returning key
