-- $1 behind this message: the last time that each mailbox sent anything
insert into mailbox_sightings (mailbox, seen_at)
select mailbox, max(received_at) from messages where message_id > $1 group by mailbox order by mailbox
on conflict (mailbox) do update set seen_at = excluded.seen_at
 where mailbox_sightings.seen_at < excluded.seen_at
