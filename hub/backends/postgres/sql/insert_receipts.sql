insert into receipts (receipt_id, message_id, event, mailbox, issued_at, supersedes, body)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::bytea[])
