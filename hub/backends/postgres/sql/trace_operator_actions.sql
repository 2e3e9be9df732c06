-- $1 delivery ids
select at, operator, action, case_id, delivery_id, reason from operator_actions where delivery_id = any ($1::uuid[])
