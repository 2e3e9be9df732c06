-- $1 deliveries, $2 mailboxes, $3 causes in words, $4 episodes, $5 codes of causes, $6 rules
-- Who has had the delivery as a case before keeps it, with its ticket; notes are read by delivery anyhow.
insert into cases (delivery_id, mailbox, cause, episode, cause_code, cause_rule, certificate, sender, recipient, owner,
    ticket, times_back)
select n.delivery_id, n.mailbox, n.cause, n.episode, n.cause_code, n.cause_rule, m.signed_by, d.sender, d.recipient,
       e.owner, e.ticket, coalesce(e.times_back + 1, 0)
  from unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])
       as n (delivery_id, mailbox, cause, episode, cause_code, cause_rule)
  join deliveries d on d.delivery_id = n.delivery_id
  left join messages m on m.message_id = d.message_id
  left join lateral (
       select owner, ticket, times_back from cases c
        where c.delivery_id = n.delivery_id order by c.case_id desc limit 1) e on true
on conflict (delivery_id) where delivery_id is not null and outcome is null do nothing
