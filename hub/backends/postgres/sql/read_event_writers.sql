-- Transactions that may hold a number and are not over: each holds this lock from before it takes one to its end.
select distinct virtualtransaction
  from pg_locks
 where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
   and database = (select oid from pg_database where datname = current_database())
   and relation in ('events'::regclass, 'events_event_id_seq'::regclass)
