insert into attempts (delivery_id, attempt, episode, at, outcome, note)
select * from unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[], $5::text[], $6::text[])
