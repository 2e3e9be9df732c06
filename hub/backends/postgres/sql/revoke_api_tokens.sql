-- $1 login, $2 name or null for all, $3 now
update api_tokens t set revoked_at = $3
  from accounts a
 where a.account_id = t.account_id and a.login = $1 and ($2::text is null or t.name = $2) and t.revoked_at is null
returning t.name
