-- $1 campaign, $2 state, $3 why it stopped, $4 who started it, $5 who confirmed it, $6 step; null leaves what there is
update campaigns
   set state = $2, stopped_because = $3, started_by = coalesce($4, started_by), confirmed_by = coalesce($5, confirmed_by),
       step = coalesce($6, step),
       judged_at = case when state = 'judging' and $2 not in ('judging', 'stopped', 'cancelled') then now() else judged_at end,
       started_at = case when $2 in ('canary', 'running') then coalesce(started_at, now()) else started_at end,
       ended_at = case when $2 in ('cancelled', 'done') then now() end
 where campaign_id = $1
