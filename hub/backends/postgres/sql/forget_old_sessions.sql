-- $1 now, $2 idle limit
delete from sessions where expires_at <= $1 or seen_at <= $1::timestamptz - $2::interval
