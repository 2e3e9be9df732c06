-- The same bytes again: nobody has to look. $1 source, $2 seconds until it is due again
update revocation_sources
   set fetched_at = now(), due_at = now() + make_interval(secs => $2), failures = 0, failure = null
 where source = $1
