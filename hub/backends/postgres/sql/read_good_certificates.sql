-- Those whose status is of interest: neither ended nor withdrawn by ourselves.
select der from certificates
 where revoked_at is null and not_after > now() and (retired_at is null or retired_at > now())
 order by fingerprint
