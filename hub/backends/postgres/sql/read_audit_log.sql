-- $1 from this event id, $2 up to that one, $3 how many of either side
-- Fields are asked for in the octets of the canonical form (hub/evidence/chain.py), hashed by nobody here.
with seals as materialized (
    select position, event_id, link from event_seals
     where event_id >= $1 and event_id <= $2 order by event_id limit $3
),
found as materialized (
    select event_id, int8send(event_id) as number, timestamptz_send(at) as at, convert_to(name, 'UTF8') as name,
           uuid_send(message_id) as message_id, uuid_send(delivery_id) as delivery_id,
           convert_to(detail::text, 'UTF8') as detail
      from events
     where event_id >= $1 and event_id <= $2 order by event_id limit $3
),
reached as (
    select least((select case when count(*) = $3 then max(event_id) else $2 end from seals),
                 (select case when count(*) = $3 then max(event_id) else $2 end from found)) as reached
)
select (select reached from reached), event_id, s.position, s.link,
       f.number, f.at, f.name, f.message_id, f.delivery_id, f.detail
  from seals s full join found f using (event_id)
 order by event_id
