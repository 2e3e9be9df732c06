-- $1 digest, $2 who asks: its own, or that of a document that has a delivery to it
select b.mailbox, b.octets, b.state
from bodies b
where b.digest = $1 and b.state in ('complete', 'expired') and (b.mailbox = $2 or b.accepted_at is not null and exists (
    select from messages m
    join deliveries d on d.message_id = m.message_id and d.kind = 'document'
    where m.digest = b.digest and m.mailbox = b.mailbox and m.verdict = 'accepted' and d.mailbox = $2))
order by b.state, b.mailbox <> $2
limit 1
