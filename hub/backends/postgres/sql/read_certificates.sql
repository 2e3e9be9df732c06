select fingerprint, agency, subject, not_before, not_after, revoked_at, retired_at from certificates
