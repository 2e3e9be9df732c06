-- $1 deliveries, $2 attempts, $3 mailboxes that say so, $4 their words
-- A mailbox speaks of its own deliveries only, of each attempt once. A reason may overtake the confirm of its attempt.
insert into reject_reasons (delivery_id, attempt, mailbox, reason)
select n.delivery_id, n.attempt, n.mailbox, n.reason
  from unnest($1::uuid[], $2::int[], $3::text[], $4::text[]) as n (delivery_id, attempt, mailbox, reason)
  join deliveries d on d.delivery_id = n.delivery_id and d.mailbox = n.mailbox and n.attempt <= d.attempt + 1
 order by n.delivery_id, n.attempt
on conflict do nothing
