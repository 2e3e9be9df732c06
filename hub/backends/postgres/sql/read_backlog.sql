-- As `count_waiting_by_mailbox`, with those for whom nothing waits: a gauge must fall to nought.
select m.name as mailbox, coalesce(w.waiting, 0) as waiting,
    coalesce(extract(epoch from now() - d.created_at), 0)::float8 as oldest_seconds
from mailboxes m
left join (
    select mailbox, count(*) as waiting, min(delivery_id::text)::uuid as delivery_id
    from outbox_entries
    group by mailbox
) w on w.mailbox = m.name
left join deliveries d on d.delivery_id = w.delivery_id
where m.closed_at is null
