-- $1 message id; what was refused has no bytes
select mailbox, body from messages where message_id = $1
