-- Who comes first is decided by the two unique keys; key order keeps two processes from waiting in a circle.
insert into submissions (mailbox, sender, submission_id, digest, message_id)
select mailbox, sender, submission_id, digest, message_id
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[])
    as s (mailbox, sender, submission_id, digest, message_id)
order by mailbox, sender, submission_id
on conflict do nothing
returning message_id
