-- $1 the last day that is meant, $2 accepted since
select d.recipient, a.name, count(*) as documents, min(m.due_on) as earliest
  from messages m
  join deliveries d using (message_id)
  left join agencies a on a.key = d.recipient
 where m.due_on between $1::date - 1 and $1::date and m.received_at >= $2
   and (d.kind = 'document') is true and d.state in ('waiting', 'consigned', 'dead')
 group by d.recipient, a.name
