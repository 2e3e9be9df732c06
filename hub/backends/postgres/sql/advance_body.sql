-- $1 mailbox, $2 digest, $3 how far it was, $4 how far it is: of two that send the same part, one comes first
update bodies set received = $4::bigint, touched_at = now(),
    state = case when octets = $4::bigint then 'complete' else state end
where mailbox = $1 and digest = $2 and received = $3::bigint and state = 'uploading'
returning received
