select name, agency, kind, closed_at, parked_until, parked_because from mailboxes order by name
