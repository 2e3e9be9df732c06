-- $1 source, $2 digest, $3 body, $4 next update, $5 seconds until it is due again
update revocation_sources
   set digest = $2, body = $3, next_update = $4, fetched_at = now(), due_at = now() + make_interval(secs => $5),
       failures = 0, failure = null
 where source = $1
