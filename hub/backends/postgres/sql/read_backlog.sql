-- As `count_waiting_by_mailbox`, with those for whom nothing waits: a gauge must fall to nought.
select m.name as mailbox, coalesce(w.waiting, 0) as waiting,
    coalesce(extract(epoch from now() - d.created_at), 0)::float8 as oldest_seconds, m.breaker
from mailboxes m
left join (
    select mailbox, count(*) as waiting, min(entry_id) as entry_id
    from outbox_entries
    group by mailbox
) as w on w.mailbox = m.name
left join outbox_entries o using (entry_id)
left join deliveries d using (delivery_id)
where m.closed_at is null
