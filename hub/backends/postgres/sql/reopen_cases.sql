-- $1 case ids
update cases set outcome = null, closed_at = null, snoozed_until = null where case_id = any ($1::bigint[])
