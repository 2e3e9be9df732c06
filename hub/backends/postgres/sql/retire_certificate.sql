-- $1 fingerprint, $2 from when on it is no longer accepted
update certificates set retired_at = $2 where fingerprint = $1 and revoked_at is null
returning fingerprint
