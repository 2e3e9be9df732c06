-- What a breaker knows beside what operators see of it (0006).
alter table mailboxes
    -- Returns since the last acknowledgement, and the first few different deliveries among them: one bad document that
    -- comes back again and again says nothing about its recipient. `failures` counts the whole incident.
    add column failures_in_a_row  integer not null default 0 check (failures_in_a_row >= 0),
    add column failing_deliveries uuid[]  not null default '{}',
    -- How often it was opened since it was closed: pauses grow.
    add column pauses             integer not null default 0 check (pauses >= 0),
    -- The one delivery that is sent while the breaker is half open.
    add column probe              uuid;
create index mailboxes_troubled on mailboxes (name) where breaker <> 'closed';
-- What is urgent goes first among what came back, too.
create index outbox_entries_urgent_again on outbox_entries (mailbox, not_before) where not is_fresh and is_urgent;
-- Whoever is parked by an older hub is drained slowly, too.
update mailboxes set breaker = 'open', parked_because = 'full', drain_allowance = 1 where parked_since is not null;
