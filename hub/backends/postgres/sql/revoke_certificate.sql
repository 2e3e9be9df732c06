-- $1 first characters of the fingerprint in hexadecimal, $2 when
update certificates set revoked_at = $2
 where encode(fingerprint, 'hex') like $1 || '%' and revoked_at is null
returning fingerprint, agency, subject
