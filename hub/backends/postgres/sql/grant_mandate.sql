-- $1 mailbox, $2 key of the root
insert into mandates (mailbox, root) values ($1, $2) on conflict (root) where valid_to is null do nothing
