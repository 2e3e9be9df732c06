-- $1 name of a role, $2 how many sessions it may have, -1 for any number; the order, quoted by the server
select format('alter role %I connection limit %s', $1::text, $2::int)
