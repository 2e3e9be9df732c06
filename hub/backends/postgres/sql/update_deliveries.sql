update deliveries d
set state = n.state,
    attempt = n.attempt,
    is_current = d.is_current and n.is_current,
    consigned_at = coalesce(d.consigned_at, n.consigned_at),
    acknowledged_at = coalesce(d.acknowledged_at, n.acknowledged_at),
    closed_at = n.closed_at
from unnest($1::uuid[], $2::text[], $3::int[], $4::boolean[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
    as n (delivery_id, state, attempt, is_current, consigned_at, acknowledged_at, closed_at)
where d.delivery_id = n.delivery_id
