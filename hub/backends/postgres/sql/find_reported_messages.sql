-- $1 message ids; a status stands for the document that it is about
select distinct coalesce(d.message_id, m.message_id) as message_id
  from messages m
  left join statuses s on s.message_id = m.message_id
  left join deliveries d on d.delivery_id = s.delivery_id
 where m.message_id = any ($1::uuid[])
