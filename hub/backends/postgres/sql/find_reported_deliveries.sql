-- The delivery that a status names decides if it belongs to exactly these parties, else the newest one.
select w.message_id, d.delivery_id
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[])
    as w (message_id, document_id, sender, recipient, claimed)
cross join lateral (
    select d.delivery_id
    from deliveries d
    where d.kind = 'document' and d.document_id = w.document_id and d.sender = w.sender and d.recipient = w.recipient
    order by (d.delivery_id = w.claimed) desc nulls last, d.delivery_id desc
    limit 1
) as d
