-- $1 oidc subject
select account_id, login, disabled_at is null as is_open from accounts where oidc_subject = $1
