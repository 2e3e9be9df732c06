insert into events (name, message_id, delivery_id, detail)
select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::jsonb[])
