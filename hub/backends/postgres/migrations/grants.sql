-- What each role may do, and nothing that was granted before and is not named any more; run after every migration,
-- in one transaction. Evidence can be appended to, never altered. tests/integration/postgres/test_rights.py lists
-- what this comes to.
revoke all on all tables in schema public from :hub, :operator, :sealer;
revoke all on all sequences in schema public from :hub, :operator, :sealer;
revoke all on all functions in schema public from public, :hub, :operator, :sealer;
revoke all on schema public from public, :hub, :operator, :sealer;

-- The hub's own database user.
grant usage on schema public to :hub;
grant select on all tables in schema public to :hub;
-- What operators do among themselves, and what proves who they are, is none of the hub's business.
revoke select on operator_actions, case_notes, campaigns, campaign_items, accounts, sessions, login_failures, api_tokens
    from :hub;
grant insert on messages, submissions, documents, lanes, deliveries, attempts, outbox_entries, receipts,
    receipt_sheets, receipt_subjects, refusals, statuses, cases, invalid_messages to :hub;
-- Neither the number nor the instant of an event is its writer's to choose.
grant insert (name, message_id, delivery_id, detail) on events to :hub, :operator;
grant update on lanes, outbox_entries to :hub;
grant update (content_digest) on documents to :hub, :operator;
grant update (state, is_current, attempt, first_attempt, lane_number, consigned_at, acknowledged_at, closed_at)
    on deliveries to :hub;
grant update (outcome, closed_at) on cases to :hub;
grant update (times) on invalid_messages to :hub;
grant update (parked_since, parked_until, parked_because, breaker, failures, failures_in_a_row, failing_since,
    failing_deliveries, pauses, probe, heard_at, drain_allowance) on mailboxes to :hub;
grant insert on trust_objects, validations, certificate_warnings, revocation_sources to :hub;
grant update, delete on revocation_sources to :hub;
grant insert on time_stamps, stamped_sheets to :hub;
-- When it was told is not its writer's to choose.
grant insert (delivery_id, attempt, mailbox, reason) on reject_reasons to :hub;
grant insert on hub_certificates, hub_validations to :hub;
grant delete on outbox_entries, submissions to :hub;
-- What an upload is, it stays; how far it is, changes.
grant insert (mailbox, digest, octets) on bodies to :hub;
grant update (received, state, touched_at, accepted_at) on bodies to :hub;
grant delete on bodies to :hub;
grant insert on alerts, alert_notices to :hub;
grant update (closed_at, detail) on alerts to :hub;
grant update (due_at, sent_at, attempts, last_error) on alert_notices to :hub;

-- What an operator may do: keep the registry, repair deliveries, sign off cases; and leave a trace of it.
grant usage on schema public to :operator;
grant select on all tables in schema public to :operator;
grant insert on agencies, mailboxes, mandates, certificates, deliveries, outbox_entries, receipts,
    receipt_sheets, receipt_subjects, attempts to :operator;
grant insert (operator, action, case_id, delivery_id, reason, detail) on operator_actions to :operator;
grant update (code, name, parent, closed_at, successor) on agencies to :operator;
grant update (closed_at, kind) on mailboxes to :operator;
grant update (valid_to) on mandates to :operator;
grant insert on issuing_certificates to :operator;
grant update (revoked_at, retired_at, kind) on certificates to :operator;
grant update (state, is_current, attempt, first_attempt, episode, expires_at, consigned_at, closed_at) on deliveries to :operator;
-- Columns that the outcome of a case needs.
grant update (outcome, closed_at, owner, snoozed_until, ticket) on cases to :operator;
-- A route that an operator changed; the overlay that says so is appended.
grant update (mailbox) on deliveries to :operator;
grant insert (case_id, delivery_id, operator, text) on case_notes to :operator;
grant insert on route_overlays, campaigns, campaign_items to :operator;
grant update (state, started_by, confirmed_by, reason, is_canary, rate_per_minute, step, step_sent_at, items, judged,
    would_pass, sent, done, refused, failed_again, judged_at, started_at, ended_at, stopped_because) on campaigns
    to :operator;
grant update (would_pass, why, state, step, attempt, at) on campaign_items to :operator;
-- The console: who may log in, and who is.
grant insert on accounts, sessions, login_failures, api_tokens to :operator;
grant update (display_name, password_hash, oidc_subject, role, agencies, disabled_at) on accounts to :operator;
grant update (seen_at, expires_at) on sessions to :operator;
grant update (revoked_at) on api_tokens to :operator;
grant delete on sessions, login_failures to :operator;
-- The words that documents are found by, and who was heard of, from what the line has committed.
grant insert on document_search, mailbox_sightings to :operator;
grant update (seen_at) on mailbox_sightings to :operator;
-- An alert that somebody tries out.
grant insert on alerts, alert_notices to :operator;
-- The console's process watches the mailboxes' queues.
grant insert on queue_watches to :operator;
grant update (mark, marked_at, empty_at, counted_at, depth, published, taken, event_id) on queue_watches to :operator;
grant insert (mailbox, kind, since, deliveries) on queue_losses to :operator;
grant update (since, noticed_at, deliveries, ended_at, ended_because, ended_by) on queue_losses to :operator;
-- After a restore, operators bring back what agencies can prove (`truc reconcile`): appended, never altered.
grant insert on messages, submissions, documents, lanes, statuses, refusals, cases, trust_objects, validations
    to :operator;
grant update on lanes, outbox_entries to :operator;
grant update (acknowledged_at) on deliveries to :operator;
grant delete on outbox_entries, submissions to :operator;
grant insert (mailbox, digest, octets, received, state) on bodies to :operator;
grant update (received, state, touched_at, accepted_at) on bodies to :operator;

-- What the sealer may do: read events, and append to their chain.
grant usage on schema public to :sealer;
grant select on events, event_seals, events_event_id_seq to :sealer;
grant insert on event_seals to :sealer;
grant execute on function event_field(bytea), event_link(bytea, bytea, bytea), link_events(bytea, bytea),
    event_leaf(bigint, timestamptz, text, uuid, uuid, jsonb) to :sealer;
