-- The one transition that is written in SQL (waiting → consigned), because it happens to everything: the broker
-- has it. Documents and statuses; receipts have a shorter way. The attempt fences: what a return has taken over meanwhile is no longer this publish's to end.
-- Each step carries on what the next one needs: nothing is joined with what came before it, which would be compared
-- row by row with each of its rows.
with published as (
    select * from unnest($1::bigint[], $2::int[], $3::uuid[], $4::timestamptz[])
        as p (entry_id, attempt, delivery_id, at)
),
locked as materialized (
    select p.* from deliveries d join published p using (delivery_id) order by d.delivery_id for update of d
),
ended as (
    delete from outbox_entries o
    using locked l
    where o.entry_id = l.entry_id and o.attempt = l.attempt
    returning l.delivery_id, l.attempt, o.mailbox, l.at
),
changed as (
    update deliveries d
    set state = case when d.state = 'waiting' then 'consigned' else d.state end,
        consigned_at = coalesce(d.consigned_at, e.at)
    from ended e
    where d.delivery_id = e.delivery_id
    returning d.*, e.attempt as published_attempt, e.mailbox as published_to, e.at as published_at
),
-- What is noted about it is known here: nothing has to be read back first.
noted as (
    insert into attempts (delivery_id, attempt, episode, at, outcome)
    select delivery_id, published_attempt, episode, published_at, 'consigned' from changed
),
told as (
    insert into events (name, message_id, delivery_id, detail)
    select 'delivery.consigned', message_id, delivery_id,
        jsonb_build_object('attempt', published_attempt, 'mailbox', published_to)
    from changed
    order by published_at, delivery_id
)
select d.delivery_id, d.kind, d.state, d.attempt, d.first_attempt, d.episode, d.lane_number, d.is_urgent,
    d.sender, d.recipient, d.mailbox, d.document_id, d.message_id, d.consigned_at,
    m.mailbox as submitted_by, m.submission_id, m.digest, m.sender as submitted_for, octet_length(m.body) as octets,
    b.parked_since is not null as was_parked
from changed d
join messages m using (message_id)
left join mailboxes b on b.name = d.mailbox
order by d.delivery_id
