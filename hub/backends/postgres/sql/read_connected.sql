-- Every mailbox with what an operator asks about its agency first; certificates and mandates that are in force.
select m.name as mailbox, m.agency, a.name, m.kind, m.connected_at, m.closed_at, m.breaker, m.failing_since,
       m.parked_since, m.parked_until, m.parked_because, s.seen_at,
       coalesce(w.waiting, 0) as waiting, d.created_at as oldest_waiting,
       array(select root from mandates g
              where g.mailbox = m.name and g.valid_from <= now() and (g.valid_to is null or g.valid_to > now())
              order by root) as mandates,
       (select max(least(c.not_after, c.retired_at)) from certificates c
         where c.agency = m.agency and c.revoked_at is null and c.not_before <= now()
           and least(c.not_after, c.retired_at) > now()) as certified_until
  from mailboxes m
  join agencies a on a.key = m.agency
  left join mailbox_sightings s on s.mailbox = m.name
  left join (
    select mailbox, count(*) as waiting, min(entry_id) as entry_id from outbox_entries group by mailbox
  ) w on w.mailbox = m.name
  left join outbox_entries o on o.entry_id = w.entry_id
  left join deliveries d on d.delivery_id = o.delivery_id
 order by (m.closed_at is not null), (m.breaker = 'closed' and m.parked_until is null), m.name
