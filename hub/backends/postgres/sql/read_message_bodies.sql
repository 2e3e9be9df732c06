-- $1 message ids; what was refused has no bytes
select message_id, received_at, mailbox, body from messages where message_id = any ($1::uuid[]) order by message_id
