-- Receipts that were issued before: in the bytes that were signed, which may be here already with another receipt.
with sheets as (
    insert into receipt_sheets (sheet_id, event, body)
    select distinct on (sheet_id) * from unnest($8::uuid[], $9::text[], $10::bytea[]) as s (sheet_id, event, body)
    on conflict (sheet_id) do nothing
)
insert into receipts (receipt_id, message_id, event, mailbox, issued_at, supersedes, sheet_id)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[])
on conflict (receipt_id) do nothing
returning receipt_id
