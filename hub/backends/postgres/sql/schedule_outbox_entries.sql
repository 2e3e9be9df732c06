insert into outbox_entries (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets,
    is_fresh, not_before, expires_at)
select delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt,
    coalesce((select octet_length(r.body) from deliveries d join receipt_sheets r using (sheet_id)
        where d.delivery_id = n.delivery_id), octets), false, not_before,
    (select d.expires_at from deliveries d where d.delivery_id = n.delivery_id)
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::int[], $8::int[],
    $9::timestamptz[])
    as n (delivery_id, mailbox, sender, recipient, is_urgent, lane_number, attempt, octets, not_before)
on conflict (delivery_id) do update set attempt = excluded.attempt, not_before = excluded.not_before,
    is_fresh = false, claimed_by = null, claimed_until = null
