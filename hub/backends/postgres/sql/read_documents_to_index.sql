-- $1 behind this message, $2 limit: what is indexed already comes without recipients. The kind is asked for in a way
-- that no partial index fits: without statistics the planner would read one of them for every message.
with messages_in_turn as materialized (
    select message_id, kind, received_at, sender, document_id, code_number, code_notation, subject
      from messages where message_id > $1 order by message_id limit $2
)
select t.*, s.message_id is null and t.kind = 'document' and t.sender is not null as is_new,
       case when s.message_id is null then array(
            select distinct d.recipient from deliveries d
             where d.message_id = t.message_id and (d.kind = 'document') is true) end as recipients
  from messages_in_turn t
  left join document_search s on s.message_id = t.message_id
 order by t.message_id
