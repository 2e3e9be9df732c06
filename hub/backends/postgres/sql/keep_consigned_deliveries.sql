-- Deliveries that have reached their mailboxes before: they are known again, and never sent again.
insert into deliveries (delivery_id, message_id, sheet_id, kind, mailbox, sender, recipient, document_id,
    is_urgent, lane_number, correlation_id, state, consigned_at)
select delivery_id, message_id, sheet_id, kind, mailbox, sender, recipient, document_id, is_urgent, lane_number,
    correlation_id, 'consigned', at
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::boolean[], $10::bigint[], $11::text[], $12::timestamptz[])
    as d (delivery_id, message_id, sheet_id, kind, mailbox, sender, recipient, document_id, is_urgent, lane_number,
        correlation_id, at)
on conflict (delivery_id) do nothing
