-- $1 delivery ids
select case_id, delivery_id, cause, episode, opened_at, outcome, closed_at from cases
 where delivery_id = any ($1::uuid[])
