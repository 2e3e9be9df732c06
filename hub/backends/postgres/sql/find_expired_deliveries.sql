-- What waits has an entry in the outbox, whose expiry is indexed; the delivery itself is updated too often for that.
-- What somebody holds may be on its way: what the broker says decides.
select o.delivery_id, o.attempt
from outbox_entries o
join deliveries d using (delivery_id)
where o.expires_at < now() and d.state = 'waiting' and (o.claimed_until is null or o.claimed_until < now())
order by o.expires_at
limit $1
