-- $1 case ids, $2 until when, or null to wake them
update cases set snoozed_until = $2 where case_id = any ($1::bigint[])
