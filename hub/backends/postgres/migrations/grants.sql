-- What the hub's own database user may do; evidence can be appended to, never altered. Run after every migration.
grant usage on schema public to :hub;
grant select on all tables in schema public to :hub;
grant insert on messages, submissions, documents, lanes, deliveries, attempts, outbox_entries, receipts,
    receipt_sheets, receipt_subjects, refusals, statuses, events, cases, invalid_messages to :hub;
grant update on documents, lanes, deliveries, outbox_entries, cases, invalid_messages to :hub;
grant update (parked_since, parked_until, parked_because) on mailboxes to :hub;
grant delete on outbox_entries, submissions to :hub;

-- What an operator may do: keep the registry, repair deliveries, sign off cases; and leave a trace of it.
grant usage on schema public to :operator;
grant select on all tables in schema public to :operator;
grant insert on agencies, mailboxes, mandates, certificates, deliveries, outbox_entries, receipts,
    receipt_sheets, receipt_subjects, attempts, events, operator_actions to :operator;
grant update (code, name, parent, closed_at, successor) on agencies to :operator;
grant update (closed_at, kind) on mailboxes to :operator;
grant update (valid_to) on mandates to :operator;
grant update (revoked_at) on certificates to :operator;
grant update (state, is_current, attempt, first_attempt, episode, expires_at, consigned_at, closed_at) on deliveries to :operator;
-- Columns that the outcome of a case needs.
grant update (outcome, closed_at) on cases to :operator;
-- After a restore, operators bring back what agencies can prove (`truc reconcile`): appended, never altered.
grant insert on messages, submissions, documents, lanes, statuses, refusals, cases to :operator;
grant update on documents, lanes, outbox_entries to :operator;
grant update (acknowledged_at) on deliveries to :operator;
grant delete on outbox_entries, submissions to :operator;
