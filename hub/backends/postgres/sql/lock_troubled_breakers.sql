-- For who brings good news and must not wait: what somebody else is changing is left alone, more news will come.
select name, breaker, failures, failures_in_a_row, failing_deliveries, failing_since, parked_since, parked_until,
    parked_because, pauses, probe, drain_allowance, heard_at
from mailboxes
where name = any($1::text[]) and (breaker <> 'closed' or failing_since is not null)
order by name
for update skip locked
