-- $1 campaign
select campaign_id, kind, state, asked_by, started_by, confirmed_by, reason, selection, is_canary, rate_per_minute, new_mailbox,
       step, items, judged, would_pass, sent, done, refused, failed_again, created_at, judged_at, started_at, ended_at,
       stopped_because
  from campaigns
 where campaign_id = $1
   for update
