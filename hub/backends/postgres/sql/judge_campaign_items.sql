-- $1 campaign, $2 case ids, $3 whether they would pass, $4 why not. What would not pass is left as it is.
with verdicts as (
    update campaign_items i
       set would_pass = n.would_pass, why = n.why, at = now(),
           state = case when n.would_pass then 'pending' else 'refused' end
      from unnest($2::bigint[], $3::boolean[], $4::text[]) as n (case_id, would_pass, why)
     where i.campaign_id = $1 and i.case_id = n.case_id and i.state = 'pending' and i.would_pass is null
    returning i.would_pass)
update campaigns c
   set judged = c.judged + v.judged, would_pass = c.would_pass + v.passed, refused = c.refused + v.judged - v.passed
  from (select count(*) as judged, count(*) filter (where would_pass) as passed from verdicts) v
 where c.campaign_id = $1
