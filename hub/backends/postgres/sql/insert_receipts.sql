-- The bytes once, and a row for each receipt in them.
with sheets as (
    insert into receipt_sheets (sheet_id, event, body)
    select * from unnest($8::uuid[], $9::text[], $10::bytea[])
)
insert into receipts (receipt_id, message_id, event, mailbox, issued_at, supersedes, sheet_id)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[])
