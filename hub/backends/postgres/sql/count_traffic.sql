-- $1 since: what came in and what went out, minute by minute; minutes without any are left out
select minute, sum(arrived)::int as arrived, sum(refused)::int as refused, sum(consigned)::int as consigned
  from (
    select date_trunc('minute', received_at) as minute, 1 as arrived, (verdict = 'refused')::int as refused,
           0 as consigned
      from messages where received_at >= $1 and kind = 'document'
    union all
    select date_trunc('minute', consigned_at), 0, 0, 1
      from deliveries where created_at >= $1 - interval '1 day' and consigned_at >= $1 and kind = 'document'
  ) counted
 group by minute
 order by minute
