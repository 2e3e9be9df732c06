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
    returning o.delivery_id, o.attempt, o.mailbox, p.at
),
changed as (
    update deliveries d
    set state = case when d.state = 'waiting' then 'consigned' else d.state end,
        consigned_at = coalesce(d.consigned_at, e.at)
    from ended e
    where d.delivery_id = e.delivery_id
    returning d.*
),
-- What is noted about it is known here: nothing has to be read back first.
noted as (
    insert into attempts (delivery_id, attempt, episode, at, outcome)
    select e.delivery_id, e.attempt, c.episode, e.at, 'consigned'
    from ended e
    join changed c using (delivery_id)
),
told as (
    insert into events (name, message_id, delivery_id, detail)
    select 'delivery.consigned', c.message_id, e.delivery_id,
        jsonb_build_object('attempt', e.attempt, 'mailbox', e.mailbox)
    from ended e
    join changed c using (delivery_id)
    order by e.at, e.delivery_id
)
select d.delivery_id, d.kind, d.state, d.attempt, d.first_attempt, d.episode, d.lane_number, d.is_urgent,
    d.sender, d.recipient, d.mailbox, d.document_id, d.message_id, d.consigned_at,
    m.mailbox as submitted_by, m.submission_id, m.digest, m.sender as submitted_for, m.octets,
    b.parked_since is not null as was_parked
from changed d
join messages m using (message_id)
left join mailboxes b on b.name = d.mailbox
order by d.delivery_id
