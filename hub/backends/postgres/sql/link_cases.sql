-- $1 case ids, $2 address of a ticket, or null for none
update cases set ticket = $2 where case_id = any ($1::bigint[])
