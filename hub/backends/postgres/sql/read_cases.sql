-- $1 case ids or null, $2 mailbox, $3 sender, $4 words of the cause, $5 opened since, $6 whether open ones only, $7 limit,
-- $8 group, $9 owner, $10 whether snoozed ones, others, or (null) both, $11 behind this case, $12 agencies that may be seen
select c.case_id, c.delivery_id, c.cause, c.episode, c.opened_at, c.outcome, c.closed_at, c.queue, c.digest,
       coalesce(d.mailbox, c.mailbox) as mailbox, d.kind, d.sender, d.recipient, d.document_id, d.state, d.attempt,
       d.message_id, d.correlation_id, m.subject, m.code_number, m.code_notation,
       c.cause_code, c.cause_rule, c.certificate, c.group_key, c.owner, c.snoozed_until, c.ticket, c.times_back,
       (select r.reason from reject_reasons r where r.delivery_id = c.delivery_id order by r.attempt desc limit 1) as told
  from cases c
  left join deliveries d on d.delivery_id = c.delivery_id
  left join messages m on m.message_id = d.message_id
 where ($1::bigint[] is null or c.case_id = any ($1))
   and ($2::text is null or c.mailbox = $2)
   and ($3::text is null or c.sender = $3)
   and ($4::text is null or position(lower($4) in lower(c.cause)) > 0)
   and ($5::timestamptz is null or c.opened_at >= $5)
   and (not $6 or c.outcome is null)
   and ($8::text is null or c.group_key = $8)
   and ($9::text is null or c.owner = $9)
   and ($10::boolean is null or $10 = coalesce(c.snoozed_until > now(), false))
   and c.case_id > $11
   and ($12::text[] is null or c.sender = any ($12) or c.recipient = any ($12))
 order by c.case_id
 limit $7
