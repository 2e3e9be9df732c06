-- $1 delivery ids of what was discarded. Dead again: given back, as dead letters are, and in a new episode, so that what
-- becomes of it is told of again.
update deliveries
   set state = 'dead', episode = episode + 1, closed_at = null
 where delivery_id = any ($1::uuid[]) and state = 'discarded'
