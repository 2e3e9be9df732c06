-- $1 campaign, $2 case ids, $3 states, $4 why, $5 step, $6 attempts: what became of those that were chosen
with kept as (
    update campaign_items i
       set state = n.state, why = n.why, step = case when n.state = 'refused' then null else $5::int end, attempt = n.attempt,
           at = clock_timestamp()
      from unnest($2::bigint[], $3::text[], $4::text[], $6::int[]) as n (case_id, state, why, attempt)
     where i.campaign_id = $1 and i.case_id = n.case_id and i.state = 'pending'
    returning i.state)
update campaigns c
   set sent = c.sent + k.sent, done = c.done + k.done, refused = c.refused + k.refused
  from (select count(*) filter (where state in ('sent', 'done')) as sent, count(*) filter (where state = 'done') as done,
               count(*) filter (where state = 'refused') as refused from kept) k
 where c.campaign_id = $1
