-- $1, $2 the advisory lock of whoever works on campaigns, for this transaction
select pg_try_advisory_xact_lock($1, $2)
