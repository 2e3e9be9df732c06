-- How far the log is sealed, and how long the oldest event waits for its seal.
select coalesce(head.position, 0) as sealed, coalesce(head.event_id, 0) as event_id, head.link,
       coalesce(extract(epoch from clock_timestamp() - (
           select at from events where event_id > coalesce(head.event_id, 0) order by event_id limit 1)), 0)::float8
           as lag_seconds
  from (select 1) as always
  left join (select position, event_id, link from event_seals order by position desc limit 1) as head on true
