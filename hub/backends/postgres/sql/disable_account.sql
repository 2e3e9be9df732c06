-- $1 login, $2 now, or null to let the account in again
update accounts set disabled_at = $2 where login = $1 and (disabled_at is null) <> ($2::timestamptz is null)
returning account_id
