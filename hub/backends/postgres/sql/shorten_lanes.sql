-- Numbers that were taken and not used; this transaction has held the lanes since.
update lanes l set next_number = l.next_number - n.unused
from unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) as n (sender, recipient, is_urgent, unused)
where l.sender = n.sender and l.recipient = n.recipient and l.is_urgent = n.is_urgent
