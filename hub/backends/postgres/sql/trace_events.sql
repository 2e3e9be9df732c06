-- $1 message ids, $2 delivery ids
select event_id, at, name, message_id, delivery_id, detail from events where message_id = any ($1::uuid[])
union
select event_id, at, name, message_id, delivery_id, detail from events where delivery_id = any ($2::uuid[])
