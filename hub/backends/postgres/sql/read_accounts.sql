-- $1 login or null
select account_id, login, display_name, password_hash is not null as has_password, oidc_subject, role, agencies,
       created_at, disabled_at
  from accounts
 where $1::text is null or login = $1
 order by login
