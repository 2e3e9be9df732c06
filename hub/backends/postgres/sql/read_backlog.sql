select b.name as mailbox, count(d.delivery_id) as waiting,
    coalesce(extract(epoch from now() - min(d.created_at)), 0)::float8 as oldest_seconds
from mailboxes b
left join outbox_entries o on o.mailbox = b.name
left join deliveries d on d.delivery_id = o.delivery_id
where b.closed_at is null
group by b.name
