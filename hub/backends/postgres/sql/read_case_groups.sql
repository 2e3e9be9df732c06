-- $1 mailbox, $2 sender, $3 owner, $4 agencies that may be seen, $5 limit
-- What cannot be acted on without being seen is not counted either.
with groups as (
    select group_key, min(cause_code) as cause_code, min(cause_rule) as cause_rule, min(mailbox) as mailbox,
           (array_agg(certificate order by case_id))[1] as certificate, (array_agg(cause order by case_id desc))[1] as cause,
           count(*) filter (where snoozed_until is null or snoozed_until <= now()) as open,
           count(*) filter (where snoozed_until > now()) as snoozed,
           min(opened_at) as oldest_at, max(opened_at) as newest_at, count(distinct recipient) as recipients,
           max(times_back) as times_back
      from cases
     where outcome is null
       and ($1::text is null or mailbox = $1)
       and ($2::text is null or sender = $2)
       and ($3::text is null or owner = $3)
       and ($4::text[] is null or sender = any ($4) or recipient = any ($4))
     group by group_key
     order by count(*) desc, group_key
     limit $5)
select g.*, k.subject as signed_by
  from groups g
  left join certificates k on k.fingerprint = g.certificate
 order by g.open desc, g.snoozed desc, g.group_key
