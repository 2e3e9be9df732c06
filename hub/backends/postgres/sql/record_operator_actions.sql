insert into operator_actions (operator, action, reason, case_id, delivery_id, detail)
select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::jsonb[])
