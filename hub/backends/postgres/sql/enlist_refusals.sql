insert into refusals (mailbox, transport_id, digest, message_id)
select mailbox, transport_id, digest, message_id
from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[]) as r (mailbox, transport_id, digest, message_id)
order by mailbox, transport_id, digest
on conflict (mailbox, transport_id, digest) do nothing
returning message_id
