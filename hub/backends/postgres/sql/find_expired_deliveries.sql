-- What waits has an entry in the outbox, whose expiry is indexed; the delivery itself is updated too often for that.
select delivery_id, attempt from outbox_entries
where expires_at < now()
order by expires_at
limit $1
