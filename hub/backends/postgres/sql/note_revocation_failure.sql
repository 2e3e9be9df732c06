-- $1 source, $2 what went wrong, $3 seconds until it is tried again
update revocation_sources set failures = failures + 1, failure = $2, due_at = now() + make_interval(secs => $3)
 where source = $1
returning failures
