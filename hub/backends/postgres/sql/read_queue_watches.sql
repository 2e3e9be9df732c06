-- Every open mailbox, watched before or not. While one is full, the broker counts as published what it refuses, too.
select m.name as mailbox, w.mark, w.marked_at, w.empty_at, w.counted_at, w.depth, w.published, w.taken, w.event_id,
    l.kind as lost, m.parked_because is not distinct from 'full' as is_full
from mailboxes m
left join queue_watches w on w.mailbox = m.name
left join queue_losses l on l.mailbox = m.name and l.ended_at is null
where m.closed_at is null
order by m.name
