-- A sheet of receipts may belong to no message, or to several.
select d.delivery_id, d.kind, d.state, d.attempt, d.first_attempt, d.episode, d.lane_number, d.is_urgent,
    d.sender, d.recipient, d.mailbox, d.document_id, d.message_id, d.consigned_at,
    m.mailbox as submitted_by, m.submission_id, m.digest, m.sender as submitted_for, octet_length(m.body) as octets
from deliveries d
left join messages m using (message_id)
where d.delivery_id = any($1::uuid[])
order by d.delivery_id
for update of d
