-- $1 key of an agency, or null for all
select fingerprint, agency, subject, der, kind, not_before, not_after, registered_at, revoked_at, retired_at
  from certificates
 where $1::text is null or agency = $1
 order by agency, registered_at
