-- Holding a lane's row until the commit makes the order of acceptance the order of the numbers.
insert into lanes as l (sender, recipient, is_urgent, next_number)
select sender, recipient, is_urgent, 1 + wanted
from unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) as w (sender, recipient, is_urgent, wanted)
order by sender, recipient, is_urgent
on conflict (sender, recipient, is_urgent) do update set next_number = l.next_number + excluded.next_number - 1
returning sender, recipient, is_urgent, next_number
