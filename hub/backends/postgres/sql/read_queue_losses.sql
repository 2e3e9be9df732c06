-- $1 only those that are open, $2 of one mailbox, $3 at most so many
select loss_id, mailbox, kind, since, noticed_at, deliveries, ended_at, ended_because, ended_by
from queue_losses
where (not $1::boolean or ended_at is null) and ($2::text is null or mailbox = $2)
order by loss_id desc
limit $3
