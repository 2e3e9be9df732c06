-- $1 login, $2 address, $3 since
select count(*) filter (where login = $1 and address = $2) as of_both,
       count(*) filter (where login = $1) as of_login,
       count(*) filter (where address = $2) as of_address
  from login_failures
 where at > $3 and (login = $1 or address = $2)
