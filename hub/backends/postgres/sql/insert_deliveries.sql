-- Returns those that are new: the same content for a recipient who still has it is suppressed by its key.
insert into deliveries (delivery_id, message_id, sheet_id, kind, mailbox, sender, recipient, document_id,
    business_type, content_digest, is_urgent, lane_number, correlation_id, expires_at)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::smallint[], $10::bytea[], $11::boolean[], $12::bigint[], $13::text[], $14::timestamptz[])
on conflict (sender, document_id, business_type, content_digest, recipient)
    where kind = 'document' and is_current do nothing
returning delivery_id
