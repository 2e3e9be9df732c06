-- A recipient who acknowledges what was given up has the content after all, unless it was sent again meanwhile.
update deliveries d
set state = n.state,
    attempt = n.attempt,
    first_attempt = n.first_attempt,
    is_current = n.is_current and (d.is_current or not exists (
        select from deliveries o
        where d.kind = 'document' and o.kind = 'document' and o.is_current and o.sender = d.sender
            and o.document_id = d.document_id and o.business_type = d.business_type
            and o.content_digest = d.content_digest and o.recipient = d.recipient)),
    consigned_at = coalesce(d.consigned_at, n.consigned_at),
    acknowledged_at = coalesce(d.acknowledged_at, n.acknowledged_at),
    closed_at = n.closed_at
from unnest($1::uuid[], $2::text[], $3::int[], $4::boolean[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[],
    $8::int[])
    as n (delivery_id, state, attempt, is_current, consigned_at, acknowledged_at, closed_at, first_attempt)
where d.delivery_id = n.delivery_id
