update queue_losses set ended_at = now(), ended_because = $2, ended_by = $3
where mailbox = $1 and ended_at is null
returning loss_id
