-- $1 login, $2 address, $3 since, $4 how many count for a login from any one address: a single one locks nobody out elsewhere
select count(*) filter (where login = $1 and address = $2) as of_both,
       (select coalesce(sum(least(each.failures, $4)), 0)::bigint
          from (select count(*) as failures from login_failures where login = $1 and at > $3 group by address) each
       ) as of_login,
       count(*) filter (where address = $2) as of_address
  from login_failures
 where at > $3 and (login = $1 or address = $2)
