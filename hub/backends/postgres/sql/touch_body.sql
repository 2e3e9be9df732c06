-- $1 mailbox, $2 digest: a message that claims it is being examined
update bodies set touched_at = now() where mailbox = $1 and digest = $2 and state = 'complete' returning octets
