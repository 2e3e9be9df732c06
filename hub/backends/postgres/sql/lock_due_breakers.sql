-- Mailboxes of which a claim may take a little now; one claim at a time.
select name, breaker, failures, failures_in_a_row, failing_deliveries, failing_since, parked_since, parked_until,
    parked_because, pauses, probe, drain_allowance, heard_at
from mailboxes
where breaker <> 'closed' and (parked_until is null or parked_until <= now())
order by name
for update skip locked
