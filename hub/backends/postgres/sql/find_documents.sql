-- $1 terms as a tsquery or null, $2 arrived since, $3 arrived before, $4 states or null, $5 verdict or null,
-- $6 older than this message or null, $7 limit
-- What is null falls away when the statement is planned, which is done anew for each search.
select m.message_id, m.verdict, m.mailbox, m.sender, m.document_id, m.code_number, m.code_notation, m.subject,
       m.priority, m.due_on, m.received_at,
       (select jsonb_agg(jsonb_build_array(d.recipient, d.state) order by d.recipient)
          from (select recipient, state from deliveries
                 where message_id = m.message_id and kind = 'document' limit 21) d) as recipients
  from document_search s
  join messages m using (message_id)
 where ($1::text is null or array_to_tsvector(s.terms) @@ $1::tsquery)
   and ($2::timestamptz is null or s.received_at >= $2)
   and ($3::timestamptz is null or s.received_at < $3)
   and ($4::text[] is null or exists (
        select from deliveries d
         where d.message_id = s.message_id and d.kind = 'document' and d.state = any ($4)))
   and ($5::text is null or m.verdict = $5)
   and ($6::uuid is null or s.message_id < $6)
 order by s.message_id desc
 limit $7
