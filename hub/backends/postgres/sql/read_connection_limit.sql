-- $1 name of a role
select rolconnlimit from pg_roles where rolname = $1
