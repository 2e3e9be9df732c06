-- $1 mailboxes, $2 digests: those that were accepted, and as which message
select s.mailbox, s.digest, s.message_id
from unnest($1::text[], $2::bytea[]) as w (mailbox, digest)
join submissions s on s.mailbox = w.mailbox and s.digest = w.digest
