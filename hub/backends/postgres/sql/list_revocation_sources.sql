select source, kind, url, fingerprint, digest, octet_length(body) as octets, fetched_at, next_update, due_at,
    failures, failure
  from revocation_sources
 order by kind, url, fingerprint
