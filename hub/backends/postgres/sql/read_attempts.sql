-- $1 delivery ids
select a.delivery_id, a.attempt, a.episode, a.at, a.outcome, a.note, r.reason as told
  from attempts a
  left join reject_reasons r
    on r.delivery_id = a.delivery_id and r.attempt = a.attempt and a.outcome = 'rejected'
 where a.delivery_id = any ($1::uuid[]) order by a.at, a.attempt
