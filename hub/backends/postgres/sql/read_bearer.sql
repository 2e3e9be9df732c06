-- $1 token digest, $2 now
select a.account_id, a.login, a.display_name, a.password_hash is not null as has_password, a.oidc_subject, a.role,
       a.agencies, a.created_at, a.disabled_at
  from api_tokens t join accounts a using (account_id)
 where t.token_digest = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2)
   and a.disabled_at is null
