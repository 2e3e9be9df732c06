-- $1 key of the root, $2 when
update mandates set valid_to = $2 where root = $1 and valid_to is null and valid_from < $2
