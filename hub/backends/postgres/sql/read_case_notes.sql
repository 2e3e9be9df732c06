-- $1 case ids, $2 delivery ids: a note on an earlier case of the same delivery is one on this, too
select note_id, case_id, delivery_id, at, operator, text from case_notes
 where case_id = any ($1::bigint[]) or delivery_id = any ($2::uuid[])
 order by note_id
