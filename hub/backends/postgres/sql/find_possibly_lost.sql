-- $1 mailbox, confirmed by the broker after $2 and not after $3, and nobody has said a word of it since. In the order in
-- which it lay in the queue.
select d.delivery_id, d.message_id, d.kind, d.document_id, d.sender, d.recipient, d.is_urgent, d.consigned_at,
    m.subject, m.code_number, m.code_notation
from deliveries d
left join messages m using (message_id)
where d.mailbox = $1 and d.state = 'consigned' and d.consigned_at > $2 and d.consigned_at <= $3
order by d.consigned_at, d.lane_number, d.delivery_id
