-- $1 case ids
select delivery_id from cases where case_id = any ($1::bigint[]) and delivery_id is not null
