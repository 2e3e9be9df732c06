-- $1 and $2 the lock of the one sealer of this database, held as long as the session
select pg_try_advisory_lock($1::int, $2::int)
