-- $1 campaign ids or null, $2 whether only those that have not ended, $3 before this one or null, $4 limit
select campaign_id, kind, state, asked_by, started_by, confirmed_by, reason, selection, is_canary, rate_per_minute, new_mailbox,
       step, items, judged, would_pass, sent, done, refused, failed_again, created_at, judged_at, started_at, ended_at,
       stopped_because
  from campaigns
 where ($1::bigint[] is null or campaign_id = any ($1))
   and (not $2 or ended_at is null)
   and ($3::bigint is null or campaign_id < $3)
 order by campaign_id desc
 limit $4
