-- $1 the horizon: every event up to it is committed or will never be; $2 how many at most
-- Answers how many were sealed, and the last of them.
with head as materialized (
    (select position, event_id, link from event_seals order by position desc limit 1)
    union all
    select 0, 0, decode(repeat('00', 32), 'hex')
    order by position desc
    limit 1
),
due as materialized (
    -- What `event_leaf` answers, written out: the database does not look into that function when it plans, because
    -- convert_to depends on its settings, and to call it takes three times as long.
    select e.event_id, sha256('\x00'::bytea
            || event_field(int8send(e.event_id)) || event_field(timestamptz_send(e.at))
            || event_field(convert_to(e.name, 'UTF8'))
            || event_field(uuid_send(e.message_id)) || event_field(uuid_send(e.delivery_id))
            || event_field(convert_to(e.detail::text, 'UTF8'))) as leaf
      from events e
     where e.event_id > (select event_id from head) and e.event_id <= $1
     order by e.event_id
     limit $2
),
sealed as (
    insert into event_seals (position, event_id, link)
    select head.position + row_number() over upwards, due.event_id, link_events(head.link, due.leaf) over upwards
      from due cross join head
    window upwards as (order by due.event_id rows between unbounded preceding and current row)
    returning position, event_id, link
)
select count(*) over () as sealed, position, event_id, link from sealed order by position desc limit 1
