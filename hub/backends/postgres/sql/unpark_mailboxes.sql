update mailboxes set parked_since = null, parked_until = null, parked_because = null
where name = any($1::text[]) and parked_since is not null
returning name
