-- $1 behind this message, $2 limit
select m.message_id, m.received_at, m.sender, m.document_id, m.code_number, m.code_notation, m.subject,
       array(select distinct d.recipient from deliveries d
              where d.message_id = m.message_id and d.kind = 'document') as recipients
  from messages m
 where m.message_id > $1 and m.kind = 'document' and m.sender is not null
   and not exists (select from document_search s where s.message_id = m.message_id)
 order by m.message_id
 limit $2
