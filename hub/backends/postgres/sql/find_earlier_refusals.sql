select wanted.message_id as wanted, earlier.message_id as earlier
from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[]) as wanted (mailbox, transport_id, digest, message_id)
join refusals earlier using (mailbox, transport_id, digest)
