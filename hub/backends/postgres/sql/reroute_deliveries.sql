-- $1 delivery ids, $2 mailboxes
update deliveries d set mailbox = n.mailbox
  from unnest($1::uuid[], $2::text[]) as n (delivery_id, mailbox)
 where d.delivery_id = n.delivery_id
