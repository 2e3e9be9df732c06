-- $1 delivery ids
select delivery_id, attempt, episode, at, outcome, note from attempts
 where delivery_id = any ($1::uuid[]) order by at, attempt
