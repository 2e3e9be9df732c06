-- Receipts that become true together for one agency are signed together (decision 0007): a sheet holds the bytes,
-- once, and every receipt on it has a narrow row.

create table receipt_sheets (
    -- The identifier of the first receipt on it, which stands on no other sheet.
    sheet_id uuid primary key,
    -- What all of it proves; null where that is several things.
    event    text,
    body     bytea not null
);
alter table receipt_sheets alter column body set compression lz4;

-- What was issued before stands alone, in the bytes that were signed.
insert into receipt_sheets (sheet_id, event, body) select receipt_id, event, body from receipts;
alter table receipts alter column body type uuid using receipt_id;
alter table receipts rename column body to sheet_id;

-- A sheet that speaks of several messages belongs to none of them.
alter table deliveries rename column receipt_id to sheet_id;
alter table deliveries alter column message_id drop not null;
alter table deliveries add check (message_id is not null or kind = 'receipt');
alter table deliveries drop column event;
create index deliveries_sheet on deliveries (sheet_id) where message_id is null;
