-- What waits has an entry in the outbox: nothing that is done with is counted, however much of it there is. The
-- entry that was promised first stands for the oldest.
select w.mailbox, w.waiting, d.created_at as oldest
from (
    select mailbox, count(*) as waiting, min(entry_id) as entry_id
    from outbox_entries
    group by mailbox
) as w
join outbox_entries using (entry_id)
join deliveries d using (delivery_id)
