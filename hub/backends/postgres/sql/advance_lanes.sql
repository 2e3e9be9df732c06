-- Senders, recipients, urgency and the highest number that anybody has seen: the next is a higher one.
insert into lanes as l (sender, recipient, is_urgent, next_number)
select sender, recipient, is_urgent, greatest(highest + 1, coalesce(
    (select next_number from lanes where sender = '' and recipient = '' and not is_urgent), 1))
from unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) as w (sender, recipient, is_urgent, highest)
order by sender, recipient, is_urgent
on conflict (sender, recipient, is_urgent) do update set next_number = greatest(l.next_number, excluded.next_number)
