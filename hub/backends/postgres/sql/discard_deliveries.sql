-- $1 delivery ids
update deliveries
   set state = 'discarded', is_current = false, episode = episode + 1, closed_at = now()
 where delivery_id = any ($1::uuid[])
