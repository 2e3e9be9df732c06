update mailboxes
set breaker = $2, failures = $3, failures_in_a_row = $4, failing_deliveries = $5::uuid[], failing_since = $6,
    parked_since = $7, parked_until = $8, parked_because = $9, pauses = $10, probe = $11, drain_allowance = $12,
    heard_at = $13
where name = $1
