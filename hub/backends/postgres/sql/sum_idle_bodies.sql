-- $1 mailbox, $2 digest that does not count: what it has checked in, or begun to, and no accepted message claims
select coalesce(sum(octets), 0)::bigint from bodies
where mailbox = $1 and digest <> $2 and accepted_at is null and state <> 'expired'
