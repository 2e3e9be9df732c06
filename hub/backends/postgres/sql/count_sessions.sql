-- $1 name of a role
select count(*) from pg_stat_activity where usename = $1 and datname = current_database()
