-- Published, but no confirm ever came: whether the recipient has it is not known.
select d.delivery_id
from deliveries d
where d.delivery_id = any($1::uuid[]) and d.consigned_at is null
    and exists (select from attempts a where a.delivery_id = d.delivery_id and a.outcome = 'unknown')
