-- $1 operator or null, $2 action's beginning or null, $3 since or null, $4 until or null, $5 older than this number or null,
-- $6 limit
select action_id, at, operator, action, case_id, delivery_id, reason, detail
  from operator_actions
 where ($1::text is null or operator = $1)
   and ($2::text is null or starts_with(action, $2))
   and ($3::timestamptz is null or at >= $3)
   and ($4::timestamptz is null or at < $4)
   and ($5::bigint is null or action_id < $5)
 order by action_id desc
 limit $6
