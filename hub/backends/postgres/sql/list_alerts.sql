-- $1 whether open ones only, $2 limit, $3 one alert or null
select a.alert_id, a.kind, a.subject, a.opened_at, a.closed_at, a.detail,
       (select jsonb_agg(jsonb_build_object('moment', n.moment, 'channel', n.channel, 'sent_at', n.sent_at,
                                            'attempts', n.attempts, 'last_error', n.last_error) order by n.notice_id)
          from alert_notices n where n.alert_id = a.alert_id) as notices
  from alerts a
 where (not $1 or a.closed_at is null) and ($3::bigint is null or a.alert_id = $3)
 order by a.alert_id desc
 limit $2
