-- What waits has an entry in the outbox: nothing that is done with is counted, however much of it there is. The hub's
-- delivery ids grow with time, so that the smallest is the oldest's.
select w.mailbox, w.waiting, d.created_at as oldest
from (
    select mailbox, count(*) as waiting, min(delivery_id::text)::uuid as delivery_id
    from outbox_entries
    group by mailbox
) w
join deliveries d using (delivery_id)
