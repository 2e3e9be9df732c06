-- $1 token digest, $2 login, $3 name, $4 end or null
insert into api_tokens (token_digest, account_id, name, expires_at)
select $1, account_id, $3, $4 from accounts where login = $2 and disabled_at is null
returning account_id
