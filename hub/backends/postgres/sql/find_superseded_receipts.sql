-- The newest failure that was issued; one that is only enlisted, by this very transaction, supersedes and is not superseded.
select distinct on (s.delivery_id) s.delivery_id, s.receipt_id
from receipt_subjects s
join receipts r on r.receipt_id = s.receipt_id
where s.delivery_id = any($1::uuid[]) and s.event = 'ContentConsignmentFailure'
order by s.delivery_id, s.episode desc
