-- $1 delivery ids: those that are known
select d.delivery_id, d.kind, d.state, d.attempt, m.mailbox as submitted_by
from deliveries d
left join messages m using (message_id)
where d.delivery_id = any ($1::uuid[])
