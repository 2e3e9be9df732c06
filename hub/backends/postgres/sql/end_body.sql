-- $1 mailbox, $2 digest: its octets are deleted. What a message claims leaves a trace.
with expired as (
    update bodies set state = 'expired' where mailbox = $1 and digest = $2 and state = 'leaving' and accepted_at is not null
    returning digest
)
delete from bodies where mailbox = $1 and digest = $2 and state = 'leaving' and accepted_at is null
