-- $1 login; what is null stays as it is, save the agencies ($4), which change where $5 says so
update accounts
   set role = coalesce($2, role),
       password_hash = coalesce($3, password_hash),
       agencies = case when $5::bool then $4::text[] else agencies end,
       oidc_subject = coalesce($6, oidc_subject)
 where login = $1
returning account_id
