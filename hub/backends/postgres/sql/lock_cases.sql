-- $1 case ids; their deliveries are locked before: everybody who changes both does it in this order
select case_id, delivery_id, outcome from cases where case_id = any ($1::bigint[]) order by case_id for update
