-- The one transition that is written in SQL (waiting → consigned), because it happens to everything: the broker
-- has it. Documents and statuses; receipts have a shorter way. The attempt fences: what a return has taken over meanwhile is no longer this publish's to end.
with published as (
    select * from unnest($1::bigint[], $2::int[], $3::uuid[], $4::timestamptz[])
        as p (entry_id, attempt, delivery_id, at)
),
locked as materialized (
    select d.delivery_id from deliveries d join published using (delivery_id) order by d.delivery_id for update of d
),
ended as (
    delete from outbox_entries o
    using published p, locked l
    where o.entry_id = p.entry_id and o.attempt = p.attempt and l.delivery_id = p.delivery_id
    returning o.delivery_id, p.at
),
changed as (
    update deliveries d
    set state = case when d.state = 'waiting' then 'consigned' else d.state end,
        consigned_at = coalesce(d.consigned_at, e.at)
    from ended e
    where d.delivery_id = e.delivery_id
    returning d.*
)
select d.delivery_id, d.kind, d.state, d.attempt, d.first_attempt, d.episode, d.lane_number, d.is_urgent,
    d.sender, d.recipient, d.mailbox, d.document_id, d.message_id, d.consigned_at,
    m.mailbox as submitted_by, m.submission_id, m.digest, m.sender as submitted_for, m.octets
from changed d
join messages m using (message_id)
order by d.delivery_id
