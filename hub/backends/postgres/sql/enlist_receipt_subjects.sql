-- One receipt for each delivery, event and episode; who comes second issues none.
insert into receipt_subjects (delivery_id, event, episode, receipt_id)
select delivery_id, event, episode, receipt_id
from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[]) as s (delivery_id, event, episode, receipt_id)
order by delivery_id, event, episode
on conflict do nothing
returning delivery_id, event
