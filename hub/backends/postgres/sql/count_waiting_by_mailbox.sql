select mailbox, count(*) as waiting, min(created_at) as oldest
  from deliveries where state = 'waiting' group by mailbox
