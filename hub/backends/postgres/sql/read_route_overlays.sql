-- $1 delivery ids
select overlay_id, delivery_id, from_mailbox, to_mailbox, operator, reason, at, body from route_overlays
 where delivery_id = any ($1::uuid[])
 order by at, overlay_id
