select delivery_id, attempt from deliveries
where state = 'waiting' and expires_at < now()
order by expires_at
limit $1
