-- $1 login, $2 address, $3 now
insert into login_failures (at, login, address) values ($3, $1, $2) returning failure_id
