-- One receipt for each delivery, event and episode; who comes second issues none. What follows a failure supersedes
-- it: the subquery sees what was there before this statement, so never what this very statement enlists.
insert into receipt_subjects as new (delivery_id, event, episode, receipt_id)
select delivery_id, event, episode, receipt_id
from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[]) as s (delivery_id, event, episode, receipt_id)
order by delivery_id, event, episode
on conflict (delivery_id, event, episode) do nothing
returning delivery_id, event, (
    select earlier.receipt_id from receipt_subjects earlier
    where earlier.delivery_id = new.delivery_id and earlier.event = 'ContentConsignmentFailure'
    order by earlier.episode desc limit 1) as superseded
