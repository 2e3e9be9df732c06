-- When each delivery $1 came back from its mailbox in its episode $2, first and last.
select a.delivery_id, min(a.at) as first, max(a.at) as last
from attempts a
join unnest($1::uuid[], $2::int[]) as d (delivery_id, episode)
    on a.delivery_id = d.delivery_id and a.episode = d.episode
where a.outcome in ('rejected', 'delivery_limit', 'unroutable')
group by a.delivery_id
