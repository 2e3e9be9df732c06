-- $1 token digest, $2 account id, $3 CSRF digest, $4 now, $5 end, $6 hash that the password was held against, or null
-- Locked, so that who changes the password at this moment ends this session, or it does not begin.
insert into sessions (token_digest, account_id, csrf_digest, created_at, seen_at, expires_at)
select $1, account_id, $3, $4, $4, $5
  from (select account_id from accounts
         where account_id = $2 and disabled_at is null and ($6::text is null or password_hash = $6)
           for share) a
returning account_id
