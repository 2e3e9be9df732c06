-- $1 mailbox, $2 digest
select octets, received, state, accepted_at from bodies where mailbox = $1 and digest = $2
