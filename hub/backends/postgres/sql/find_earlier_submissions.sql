-- Each key by its own index: one condition with `or` would read the whole table.
with wanted as materialized (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[])
        as w (mailbox, sender, submission_id, digest, message_id)
)
select w.message_id as wanted, e.message_id as earlier, e.digest = w.digest as is_same_content, true as is_same_id
from wanted w
join submissions e on e.mailbox = w.mailbox and e.sender = w.sender and e.submission_id = w.submission_id
union all
select w.message_id, e.message_id, true, false
from wanted w
join submissions e on e.mailbox = w.mailbox and e.digest = w.digest
order by is_same_id desc
