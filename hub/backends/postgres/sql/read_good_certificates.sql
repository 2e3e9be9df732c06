-- Those whose status is of interest: of agencies, neither ended nor withdrawn by ourselves, and the hub's own.
(select der from certificates
  where revoked_at is null and not_after > now() and (retired_at is null or retired_at > now())
  order by fingerprint)
union all
(select der from hub_certificates where not_after > now() order by fingerprint)
