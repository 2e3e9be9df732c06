select distinct on (s.delivery_id) s.delivery_id, s.receipt_id
from receipt_subjects s
where s.delivery_id = any($1::uuid[]) and s.event = 'ContentConsignmentFailure'
order by s.delivery_id, s.episode desc
