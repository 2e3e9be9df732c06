-- $1 the sources that are wanted, $2 how many, $3 until when nobody else takes them, in seconds
update revocation_sources set due_at = now() + make_interval(secs => $3)
 where source in (
    select source from revocation_sources
     where due_at <= now() and source = any($1::text[])
     order by due_at limit $2 for update skip locked)
returning source
