-- $1 login
select t.name, t.created_at, t.expires_at, t.revoked_at
  from api_tokens t join accounts a using (account_id)
 where a.login = $1
 order by t.created_at desc
