-- Who comes first is decided by the two unique keys, within a batch as between processes; key order keeps two
-- processes from waiting in a circle. A publish that was refused is not accepted when it is handed in again.
insert into submissions (mailbox, sender, submission_id, digest, message_id)
select mailbox, sender, submission_id, digest, message_id
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::text[]) with ordinality
    as s (mailbox, sender, submission_id, digest, message_id, transport_id, position)
where not exists (
    select from refusals r
    where r.mailbox = s.mailbox and r.transport_id = s.transport_id and r.digest = s.digest)
order by mailbox, sender, submission_id, position
on conflict do nothing
returning message_id
