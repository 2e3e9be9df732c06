-- Open mailboxes that get nothing or little at present, with what waits for each.
select m.name as mailbox, a.name as agency, m.breaker, m.failures, m.failing_since, m.parked_since, m.parked_until,
       m.parked_because, m.drain_allowance,
       (select count(*) from outbox_entries o where o.mailbox = m.name) as waiting
  from mailboxes m
  join agencies a on a.key = m.agency
 where m.closed_at is null and (m.parked_until is not null or m.breaker <> 'closed')
 order by m.failing_since nulls last, m.parked_since nulls last, m.name
