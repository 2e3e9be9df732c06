insert into messages (message_id, kind, verdict, mailbox, submission_id, digest, octets, sender, document_id,
    business_type, priority, code_number, code_notation, subject, promulgated_on, due_on, content_digest,
    signed_by, received_at, body, validation_id)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::int[], $8::text[],
    $9::text[], $10::smallint[], $11::smallint[], $12::text[], $13::text[], $14::text[], $15::date[], $16::date[],
    $17::bytea[], $18::bytea[], $19::timestamptz[], $20::bytea[], $21::bytea[])
