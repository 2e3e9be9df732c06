-- $2: also of mailboxes that were closed. What comes back from those is an operator's to mend, not theirs.
select name, breaker, failures, failures_in_a_row, failing_deliveries, failing_since, parked_since, parked_until,
    parked_because, pauses, probe, drain_allowance, heard_at
from mailboxes
where name = any($1::text[]) and (closed_at is null or $2::boolean)
order by name
for update
