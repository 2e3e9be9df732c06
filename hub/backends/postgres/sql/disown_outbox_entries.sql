-- Claimed in this process's name by a commit whose answer was lost: nobody holds them, later entries of their lanes
-- must not pass as if somebody did, and receipts must not wait for the end of the lease. A retry is held only on its own
-- attempt: the one before it may still await the broker's answer.
with strays as materialized (
    select entry_id from outbox_entries
    where claimed_by = $1::bigint
      and (entry_id, attempt) not in (select * from unnest($2::bigint[], $3::int[]))
    order by entry_id
    for update
)
update outbox_entries o set claimed_by = null, claimed_until = null
from strays s
where o.entry_id = s.entry_id
