-- $1 mailbox, $2 within: the last that goes out again to it, where an earlier call was broken off
select max(not_before) from outbox_entries
where mailbox = $1 and not is_fresh and not_before > now() and not_before <= now() + $2::interval
