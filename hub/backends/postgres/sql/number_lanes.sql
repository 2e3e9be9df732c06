-- Holding a lane's row until the commit makes the order of acceptance the order of the numbers. A new lane begins at
-- 1 or, after a restore that lost numbers, where the row of nobody's lane says (`let_lanes_jump`).
with first as materialized (
    select coalesce(
        (select next_number from lanes where sender = '' and recipient = '' and not is_urgent), 1) as number
)
insert into lanes as l (sender, recipient, is_urgent, next_number)
select sender, recipient, is_urgent, first.number + wanted
from unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) as w (sender, recipient, is_urgent, wanted), first
order by sender, recipient, is_urgent
on conflict (sender, recipient, is_urgent) do update
set next_number = l.next_number + excluded.next_number - (select number from first)
returning sender, recipient, is_urgent, next_number
