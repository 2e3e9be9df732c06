-- $1 campaign, $2 limit, $3 bytes together: cases that are still to be judged, with what was stored of them
select i.case_id, i.mailbox, c.outcome, d.state, d.kind, d.recipient, l.body, l.submitted_by, l.submission_id, l.digest,
       exists (select from deliveries o
                where d.kind = 'document' and o.kind = 'document' and o.is_current and o.sender = d.sender
                  and o.document_id = d.document_id and o.business_type = d.business_type
                  and o.content_digest = d.content_digest and o.recipient = d.recipient) as is_held
  from (select case_id, mailbox, delivery_id, sum(octets) over (order by case_id) - octets as before
          from (select i.case_id, i.mailbox, i.delivery_id, coalesce(m.octets, 0) as octets
                  from campaign_items i
                  left join deliveries d on d.delivery_id = i.delivery_id
                  left join messages m on m.message_id = d.message_id
                 where i.campaign_id = $1 and i.state = 'pending' and i.would_pass is null
                 order by i.case_id
                 limit $2) u) i
  join cases c on c.case_id = i.case_id
  left join deliveries d on d.delivery_id = i.delivery_id
  left join lateral (select m.body, m.mailbox as submitted_by, m.submission_id, m.digest from messages m
                      where m.message_id = d.message_id and d.kind <> 'receipt') l on true
 where i.before < $3
 order by i.case_id
