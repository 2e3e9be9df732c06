-- $1 case ids, $2 owner, or null for nobody
update cases set owner = $2 where case_id = any ($1::bigint[])
