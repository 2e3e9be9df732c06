-- $1 mailbox, $2 behind this event: what left its queue the other way. Some of it was never in there: never too few.
select count(*)
from events e
join deliveries d using (delivery_id)
where e.event_id > $2 and e.name in ('delivery.returned', 'delivery.returned_late') and d.mailbox = $1
