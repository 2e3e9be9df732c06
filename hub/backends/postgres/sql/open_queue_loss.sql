-- What is noticed while an earlier loss is open belongs to it.
insert into queue_losses as l (mailbox, kind, since, deliveries) values ($1, $2, $3, $4)
on conflict (mailbox) where ended_at is null do update set noticed_at = now(),
    since = least(l.since, excluded.since), deliveries = greatest(l.deliveries, excluded.deliveries)
returning loss_id
