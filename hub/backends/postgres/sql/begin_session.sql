-- $1 token digest, $2 account id, $3 CSRF digest, $4 now, $5 end
insert into sessions (token_digest, account_id, csrf_digest, created_at, seen_at, expires_at)
select $1, account_id, $3, $4, $4, $5 from accounts where account_id = $2 and disabled_at is null
returning account_id
