-- $1 campaign, and what read_cases.sql narrows by: $2 case ids, $3 mailbox, $4 sender, $5 words, $6 since, $7 group, $8 owner,
-- $9 agencies that may be seen. What somebody has put off is left out, unless it was named.
with chosen as (
    insert into campaign_items (campaign_id, case_id, delivery_id, mailbox, is_urgent)
    select $1, c.case_id, c.delivery_id, coalesce(d.mailbox, c.mailbox), coalesce(d.is_urgent, false)
      from cases c
      left join deliveries d on d.delivery_id = c.delivery_id
     where c.outcome is null
       and ($2::bigint[] is null or c.case_id = any ($2))
       and ($3::text is null or c.mailbox = $3)
       and ($4::text is null or c.sender = $4)
       and ($5::text is null or position(lower($5) in lower(c.cause)) > 0)
       and ($6::timestamptz is null or c.opened_at >= $6)
       and ($7::text is null or c.group_key = $7)
       and ($8::text is null or c.owner = $8)
       and ($9::text[] is null or c.sender = any ($9) or c.recipient = any ($9))
       and ($2::bigint[] is not null or c.snoozed_until is null or c.snoozed_until <= now())
    returning 1)
update campaigns set items = (select count(*) from chosen) where campaign_id = $1
