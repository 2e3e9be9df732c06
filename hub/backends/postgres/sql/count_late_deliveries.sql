-- $1 accepted since, $2 beginning of the present day in Vietnam, $3 its date, $4 agencies that the reader may see or null
select d.recipient, a.name, l.lateness, count(*) as deliveries, min(d.created_at) as oldest
  from deliveries d
  join messages m using (message_id)
  left join agencies a on a.key = d.recipient
  left join mailbox_sightings s on s.mailbox = d.mailbox
 cross join lateral (select case
        when d.state = 'expired' then 'not_collected'
        when d.state in ('waiting', 'dead') and d.created_at < $2 then 'not_delivered'
        when d.state = 'consigned' and d.consigned_at < $2
            then case when s.seen_at >= d.consigned_at then 'not_acknowledged' else 'not_collected' end
        when m.due_on < $3 and d.state in ('consigned', 'arrived', 'accepted', 'assigned', 'processing') then 'overdue'
        end as lateness) l
 where d.kind = 'document' and d.created_at >= $1 and l.lateness is not null
   and ($4::text[] is null or d.recipient = any ($4) or d.sender = any ($4))
 group by d.recipient, a.name, l.lateness
 order by d.recipient, l.lateness
