-- $1 campaign, $2 limit: why cases would not pass, were refused or failed again, the most frequent first
select state, coalesce(why, '') as why, count(*) as count, min(case_id) as example from campaign_items
 where campaign_id = $1 and state in ('refused', 'failed_again')
 group by state, why
 order by count(*) desc, state, why
 limit $2
