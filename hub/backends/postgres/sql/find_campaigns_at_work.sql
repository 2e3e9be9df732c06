select campaign_id from campaigns
 where ended_at is null and state in ('judging', 'canary', 'running')
 order by campaign_id
