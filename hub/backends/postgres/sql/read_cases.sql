-- $1 case ids or null, $2 mailbox, $3 sender, $4 words of the cause, $5 opened since, $6 whether open ones only, $7 limit
select c.case_id, c.delivery_id, c.cause, c.episode, c.opened_at, c.outcome, c.closed_at, c.queue, c.digest,
       coalesce(d.mailbox, c.mailbox) as mailbox, d.kind, d.sender, d.recipient, d.document_id, d.state, d.attempt,
       d.message_id, d.correlation_id, m.subject, m.code_number, m.code_notation
  from cases c
  left join deliveries d on d.delivery_id = c.delivery_id
  left join messages m on m.message_id = d.message_id
 where ($1::bigint[] is null or c.case_id = any ($1))
   and ($2::text is null or coalesce(d.mailbox, c.mailbox) = $2)
   and ($3::text is null or d.sender = $3)
   and ($4::text is null or position(lower($4) in lower(c.cause)) > 0)
   and ($5::timestamptz is null or c.opened_at >= $5)
   and (not $6 or c.outcome is null)
 order by c.case_id
 limit $7
