-- $1 key of the root
select mailbox from mandates where root = $1 and valid_to is null
