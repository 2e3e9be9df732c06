-- $1 campaign, $2 step
select count(*) filter (where state = 'pending' and would_pass) as pending,
       count(*) filter (where state = 'sent') as unsettled,
       (select count(*) from campaign_items s
         where s.campaign_id = $1 and s.step = $2 and s.state in ('sent', 'done', 'failed_again')) as in_step
  from campaign_items
 where campaign_id = $1 and state in ('pending', 'sent')
