-- $1 campaign, $2 limit: what goes out next, urgent ones first
select case_id from campaign_items
 where campaign_id = $1 and state = 'pending' and would_pass
 order by is_urgent desc, case_id
 limit $2
