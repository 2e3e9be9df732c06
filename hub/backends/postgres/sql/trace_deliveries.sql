-- $1 message id: what went out of it, the statuses about it, and the sheets with receipts about it
with own as materialized (select delivery_id, kind from deliveries where message_id = $1),
reports as (
    select d.delivery_id
      from statuses s
      join deliveries d on d.message_id = s.message_id
     where s.delivery_id in (select delivery_id from own where kind <> 'receipt')
),
sheets as (
    select d.delivery_id
      from receipts r
      join deliveries d on d.sheet_id = r.sheet_id and d.message_id is null
     where r.message_id = $1
)
select d.delivery_id, d.message_id, d.sheet_id, d.kind, d.mailbox, d.sender, d.recipient, d.state, d.attempt, d.episode,
       d.lane_number, d.is_urgent, r.event, d.created_at, d.consigned_at, d.acknowledged_at, d.closed_at, d.expires_at,
       o.not_before, s.code as status
  from deliveries d
  left join receipt_sheets r on r.sheet_id = d.sheet_id
  left join outbox_entries o on o.delivery_id = d.delivery_id
  left join statuses s on s.message_id = d.message_id
 where d.delivery_id in (
        select delivery_id from own union select delivery_id from reports union select delivery_id from sheets)
 order by d.delivery_id
