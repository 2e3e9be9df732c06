-- $1 channel, $2 limit: locked until the transaction ends, so that nobody else sends them
select n.notice_id, n.alert_id, n.moment, a.kind, a.subject, a.detail, a.opened_at, a.closed_at, n.attempts
  from alert_notices n
  join alerts a using (alert_id)
 where n.channel = $1 and n.sent_at is null and n.due_at <= now()
 order by n.notice_id
 limit $2
   for update of n skip locked
