-- $1 login, $2 display name, $3 password hash or null, $4 oidc subject or null, $5 role, $6 agencies or null
insert into accounts (login, display_name, password_hash, oidc_subject, role, agencies)
values ($1, $2, $3, $4, $5, $6)
on conflict do nothing
returning account_id
