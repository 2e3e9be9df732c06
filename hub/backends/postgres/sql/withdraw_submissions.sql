-- A submission that turns out to conflict within its own commit was never accepted.
delete from submissions where message_id = any($1::uuid[])
