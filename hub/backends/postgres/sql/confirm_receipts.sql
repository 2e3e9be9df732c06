-- The same for receipts: no evidence follows, so nothing is read back but parked mailboxes that took one.
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
    returning l.delivery_id, l.at
),
changed as (
    update deliveries d
    set state = 'consigned', consigned_at = coalesce(d.consigned_at, e.at)
    from ended e
    where d.delivery_id = e.delivery_id and d.state = 'waiting'
    returning d.mailbox
)
select distinct b.name as mailbox from changed c join mailboxes b on b.name = c.mailbox and b.parked_since is not null
