-- $1 case ids, $2 outcome
update cases set outcome = $2, closed_at = now() where case_id = any ($1::bigint[])
