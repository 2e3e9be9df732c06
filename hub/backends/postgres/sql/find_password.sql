-- $1 login
select account_id, password_hash, disabled_at is null as is_open from accounts where login = $1
