insert into route_overlays (overlay_id, delivery_id, from_mailbox, to_mailbox, operator, reason, at, body)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bytea[])
