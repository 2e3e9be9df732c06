insert into case_notes (case_id, delivery_id, operator, text)
select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[])
