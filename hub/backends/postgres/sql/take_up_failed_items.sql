-- $1 campaign: deliveries that failed again, and are cases again, are tried once more as the cases that they are now
with again as (
    insert into campaign_items (campaign_id, case_id, delivery_id, mailbox, is_urgent, would_pass)
    select i.campaign_id, c.case_id, i.delivery_id, c.mailbox, i.is_urgent, true
      from campaign_items i
      join cases c on c.delivery_id = i.delivery_id and c.outcome is null
     where i.campaign_id = $1 and i.state = 'failed_again'
    on conflict do nothing
    returning 1)
update campaigns set items = items + a.count, judged = judged + a.count, would_pass = would_pass + a.count
  from (select count(*) as count from again) a
 where campaign_id = $1
