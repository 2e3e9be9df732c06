-- $1 mailbox, $2 confirmed after, $3 and not after
select count(*) from deliveries
where mailbox = $1 and state = 'consigned' and consigned_at > $2 and consigned_at <= $3
