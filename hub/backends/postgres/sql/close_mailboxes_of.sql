-- $1 key of an agency, $2 when
update mailboxes set closed_at = $2 where agency = $1 and closed_at is null returning name
