-- $1 mailbox, $2 sender, $3 owner, $4 agencies that may be seen, $5 limit
-- What cannot be acted on without being seen is not counted either. In two steps, since counting what is distinct sorts.
with by_recipient as (
    select group_key, recipient, count(*) as cases, count(*) filter (where snoozed_until > now()) as snoozed,
           min(opened_at) as oldest_at, max(opened_at) as newest_at, max(times_back) as times_back,
           min(case_id) as first, max(case_id) as last
      from cases
     where outcome is null
       and ($1::text is null or mailbox = $1)
       and ($2::text is null or sender = $2)
       and ($3::text is null or owner = $3)
       and ($4::text[] is null or sender = any ($4) or recipient = any ($4))
     group by group_key, recipient),
groups as (
    select group_key, sum(cases)::bigint as cases, sum(snoozed)::bigint as snoozed, min(oldest_at) as oldest_at,
           max(newest_at) as newest_at, count(*) filter (where recipient is not null) as recipients,
           max(times_back) as times_back, min(first) as first, max(last) as last
      from by_recipient
     group by group_key
     order by sum(cases) desc, group_key
     limit $5)
select g.group_key, f.cause_code, f.cause_rule, f.mailbox, f.certificate, k.subject as signed_by, l.cause,
       g.cases - g.snoozed as open, g.snoozed, g.oldest_at, g.newest_at, g.recipients, g.times_back,
       (select r.reason from reject_reasons r where r.delivery_id = l.delivery_id order by r.attempt desc limit 1) as told
  from groups g
  join cases f on f.case_id = g.first
  join cases l on l.case_id = g.last
  left join certificates k on k.fingerprint = f.certificate
 order by open desc, g.snoozed desc, g.group_key
