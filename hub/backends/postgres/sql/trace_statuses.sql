-- $1 delivery ids
select message_id, delivery_id, code, description, reported_by, at, state_before, state_after, moved
  from statuses where delivery_id = any ($1::uuid[])
