-- $1 the last event that is sealed
select count(*) as count, min(at) as oldest_at from events where event_id > $1
