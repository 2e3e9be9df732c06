-- $1 accepted since, $2 beginning of the present day in Vietnam, $3 its date, $4 recipient or null,
-- $5 kind of lateness or null, $6 agencies that the reader may see or null, $7 behind this delivery or null, $8 limit
select d.delivery_id, d.message_id, d.mailbox, d.sender, d.recipient, d.state, d.document_id, d.created_at,
       d.consigned_at, d.acknowledged_at, m.code_number, m.code_notation, m.subject, m.due_on, l.lateness
  from deliveries d
  join messages m using (message_id)
  left join mailbox_sightings s on s.mailbox = d.mailbox
 cross join lateral (select case
        when d.state = 'expired' then 'not_collected'
        when d.state in ('waiting', 'dead') and d.created_at < $2 then 'not_delivered'
        when d.state = 'consigned' and d.consigned_at < $2
            then case when s.seen_at >= d.consigned_at then 'not_acknowledged' else 'not_collected' end
        when m.due_on < $3 and d.state in ('consigned', 'arrived', 'accepted', 'assigned', 'processing') then 'overdue'
        end as lateness) l
 where d.kind = 'document' and d.created_at >= $1 and l.lateness is not null
   and ($4::text is null or d.recipient = $4)
   and ($5::text is null or l.lateness = $5)
   and ($6::text[] is null or d.recipient = any ($6) or d.sender = any ($6))
   and ($7::uuid is null or d.delivery_id > $7)
 order by d.delivery_id
 limit $8
