-- $1 message id: what went out of it, and the statuses about it
with documents as (select delivery_id from deliveries where message_id = $1 and kind <> 'receipt')
select d.delivery_id, d.message_id, d.receipt_id, d.kind, d.mailbox, d.sender, d.recipient, d.state, d.attempt, d.episode,
       d.lane_number, d.is_urgent, d.event, d.created_at, d.consigned_at, d.acknowledged_at, d.closed_at, d.expires_at,
       o.not_before, s.code as status
  from deliveries d
  left join outbox_entries o on o.delivery_id = d.delivery_id
  left join statuses s on s.message_id = d.message_id
 where d.message_id = $1
    or d.message_id in (select st.message_id from statuses st where st.delivery_id in (select delivery_id from documents))
 order by d.delivery_id
