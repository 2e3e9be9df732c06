-- $1 campaign, $2 what was consigned before this instant has stayed there. Sent again means that it came back.
with seen as (
    select i.case_id,
           case when d.attempt > i.attempt or d.state in ('dead', 'expired') then 'failed_again'
                when d.state = 'waiting' or (d.state = 'consigned' and (d.consigned_at is null or d.consigned_at > $2))
                    then null
                else 'done' end as state,
           d.delivery_id, i.attempt
      from campaign_items i
      join deliveries d on d.delivery_id = i.delivery_id
     where i.campaign_id = $1 and i.state = 'sent'),
settled as (
    update campaign_items i
       set state = s.state, at = i.at,
           why = case when s.state = 'failed_again' then (
               select concat_ws(': ', a.outcome, a.note) from attempts a
                where a.delivery_id = s.delivery_id and a.attempt >= s.attempt order by a.at desc, a.attempt desc limit 1) end
      from seen s
     where i.campaign_id = $1 and i.case_id = s.case_id and s.state is not null
    returning i.case_id, i.state, i.why),
counted as (
    update campaigns c
       set done = c.done + (select count(*) from settled where state = 'done'),
           failed_again = c.failed_again + (select count(*) from settled where state = 'failed_again')
     where c.campaign_id = $1 and exists (select from settled))
select case_id, why from settled where state = 'failed_again' order by case_id
