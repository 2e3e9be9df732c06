-- $1 campaign, $2 states or null, $3 behind this case, $4 limit
select case_id, delivery_id, mailbox, would_pass, why, state, step, at from campaign_items
 where campaign_id = $1 and ($2::text[] is null or state = any ($2)) and case_id > $3
 order by case_id
 limit $4
