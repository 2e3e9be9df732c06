-- $1 token digest, $2 now, $3 idle limit
select s.csrf_digest, s.seen_at, a.account_id, a.login, a.display_name, a.password_hash is not null as has_password,
       a.oidc_subject, a.role, a.agencies, a.created_at, a.disabled_at
  from sessions s join accounts a using (account_id)
 where s.token_digest = $1 and s.expires_at > $2 and s.seen_at > $2::timestamptz - $3::interval
   and a.disabled_at is null
