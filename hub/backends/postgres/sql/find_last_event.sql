-- $1 an instant: when the last thing happened that this database knows from before it
select at from events where at < $1 order by event_id desc limit 1
