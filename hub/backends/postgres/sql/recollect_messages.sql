-- $1 message ids: those that are known
select message_id from messages where message_id = any ($1::uuid[])
