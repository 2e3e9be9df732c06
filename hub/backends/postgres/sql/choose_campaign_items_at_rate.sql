-- $1 campaign, $2 limit, $3 per minute and mailbox: what may go out now, urgent ones first. A rate is kept as evenly as
-- the looks are: nothing goes out that would be more than the share of the time since the last one.
with sent as (
    select mailbox, count(*) as count, max(at) as last_at from campaign_items
     where campaign_id = $1 and step is not null and at > now() - interval '1 minute'
     group by mailbox),
waiting as (
    select case_id, mailbox, is_urgent,
           row_number() over (partition by mailbox order by is_urgent desc, case_id) as place
      from campaign_items
     where campaign_id = $1 and state = 'pending' and would_pass)
select w.case_id
  from waiting w
  left join sent s on s.mailbox = w.mailbox
 where w.place <= least($3 - coalesce(s.count, 0),
       greatest(1, floor($3 * extract(epoch from now() - s.last_at) / 60)))
   and (s.last_at is null or extract(epoch from now() - s.last_at) >= 60.0 / $3)
 order by w.is_urgent desc, w.case_id
 limit $2
