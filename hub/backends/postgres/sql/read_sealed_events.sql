-- $1 event ids, with their places in the audit log where they are sealed already
select e.event_id, e.at, e.name, e.message_id, e.delivery_id, e.detail::text as detail,
       s.position, s.link, p.link as before
  from events e
  left join event_seals s using (event_id)
  left join event_seals p on p.position = s.position - 1
 where e.event_id = any ($1::bigint[])
 order by e.event_id
