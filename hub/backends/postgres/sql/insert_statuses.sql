-- Returns which of the mailboxes $10, whose deliveries are reported on, have a breaker that wants to hear of it.
with written as (
    insert into statuses (message_id, delivery_id, code, description, reported_by, at, state_before, state_after, moved)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
        $8::text[], $9::boolean[])
)
select name as mailbox
from mailboxes
where name = any($10::text[]) and (breaker <> 'closed' or failing_since is not null)
