select name, agency, kind, closed_at, parked_until, parked_because, breaker from mailboxes order by name
