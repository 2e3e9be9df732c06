-- $1 mailboxes, $2 digests, of messages that are being accepted. Locked in key order, so that two processes do not wait
-- in a circle, and until the commit: the sweeper leaves alone what it cannot lock.
with wanted as materialized (
    select b.mailbox, b.digest from bodies b
    join unnest($1::text[], $2::bytea[]) as w (mailbox, digest) using (mailbox, digest)
    where b.state = 'complete'
    order by b.mailbox, b.digest
    for update of b
)
update bodies b set accepted_at = coalesce(b.accepted_at, now()), touched_at = now()
from wanted w
where b.mailbox = w.mailbox and b.digest = w.digest
returning b.mailbox, b.digest
