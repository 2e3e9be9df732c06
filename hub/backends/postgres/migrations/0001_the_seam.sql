-- The seam: what was accepted, what must still leave, and everything that happened.
-- Instants are timestamptz; identifiers that the hub makes are UUIDv7, so that indexes grow at their end.

-- Registry ---------------------------------------------------------------------------------------------------

create table agencies (
    key       text primary key,
    code      text not null,
    name      text not null,
    level     smallint not null check (level between 1 and 9),
    parent    text references agencies,
    closed_at timestamptz,
    successor text references agencies
);
create index agencies_parent on agencies (parent);

create table mailboxes (
    name          text primary key check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    agency        text not null references agencies,
    kind          text not null check (kind in ('agency', 'lgsp')),
    connected_at  timestamptz not null default now(),
    closed_at     timestamptz,
    parked_since  timestamptz,
    parked_until  timestamptz,
    parked_because text
);

create table mandates (
    mandate_id bigint generated always as identity primary key,
    mailbox    text not null references mailboxes,
    root       text not null references agencies,
    valid_from timestamptz not null default now(),
    valid_to   timestamptz check (valid_to > valid_from)
);
create unique index mandates_one_in_force on mandates (root) where valid_to is null;

create table certificates (
    fingerprint   bytea primary key check (octet_length(fingerprint) = 32),
    agency        text not null references agencies,
    subject       text not null,
    der           bytea not null,
    not_before    timestamptz not null,
    not_after     timestamptz not null,
    registered_at timestamptz not null default now(),
    revoked_at    timestamptz
);
create index certificates_agency on certificates (agency);

-- One row that every change of the registry touches: a hub process asks for it instead of for the registry.
create table registry_versions (
    only_row boolean primary key default true check (only_row),
    version  bigint not null
);
insert into registry_versions (version) values (1);

create function bump_registry_version() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    update registry_versions set version = version + 1;
    return null;
end $$;
create trigger agencies_changed after insert or update or delete or truncate on agencies
    for each statement execute function bump_registry_version();
create trigger mailboxes_changed after insert or delete or truncate or update of agency, closed_at on mailboxes
    for each statement execute function bump_registry_version();
create trigger mandates_changed after insert or update or delete or truncate on mandates
    for each statement execute function bump_registry_version();
create trigger certificates_changed after insert or update or delete or truncate on certificates
    for each statement execute function bump_registry_version();

-- Messages ---------------------------------------------------------------------------------------------------

-- Accepted submissions only: a corrected submission must never be answered with an old refusal.
create table submissions (
    mailbox       text  not null,
    sender        text  not null,
    submission_id text  not null,
    digest        bytea not null,
    message_id    uuid  not null,
    primary key (mailbox, sender, submission_id)
);
create unique index submissions_digest on submissions (mailbox, digest);

-- What a DocumentId of a new document (type 0) stands for at present.
create table documents (
    sender         text  not null,
    document_id    text  not null,
    content_digest bytea not null,
    primary key (sender, document_id)
);

create table messages (
    message_id     uuid primary key,
    kind           text not null check (kind in ('document', 'status')),
    verdict        text not null check (verdict in ('accepted', 'refused')),
    mailbox        text not null,
    submission_id  text not null,
    digest         bytea not null,
    octets         integer not null,
    sender         text,
    document_id    text,
    business_type  smallint,
    priority       smallint,
    code_number    text,
    code_notation  text,
    subject        text,
    promulgated_on date,
    due_on         date,
    content_digest bytea,
    signed_by      bytea,
    received_at    timestamptz not null,
    decided_at     timestamptz not null default now(),
    body           bytea,
    -- Bytes are kept of what was accepted; of what was refused the digest is enough to recognise it.
    check (verdict = 'refused' or body is not null)
);
alter table messages alter column body set storage external;
create index messages_document on messages (document_id, sender);
create index messages_received on messages using brin (received_at);
create index messages_digest on messages (digest);

create table lanes (
    sender      text    not null,
    recipient   text    not null,
    is_urgent   boolean not null,
    next_number bigint  not null,
    primary key (sender, recipient, is_urgent)
) with (fillfactor = 70);

-- One row for everything that goes to a mailbox: document, status or receipt.
create table deliveries (
    delivery_id     uuid primary key,
    message_id      uuid not null references messages,
    receipt_id      uuid,
    kind            text not null check (kind in ('document', 'status', 'receipt')),
    mailbox         text not null,
    sender          text,
    recipient       text not null,
    document_id     text,
    business_type   smallint,
    content_digest  bytea,
    is_urgent       boolean not null,
    lane_number     bigint  not null,
    correlation_id  text    not null,
    event           text,
    state           text    not null default 'waiting' check (state in (
        'waiting', 'consigned', 'arrived', 'accepted', 'assigned', 'processing', 'finished',
        'refused', 'recalled', 'dead', 'expired', 'discarded')),
    -- False once it was refused, recalled or given up: the same content may then be sent to the recipient again.
    is_current      boolean not null default true,
    attempt         integer not null default 1 check (attempt >= 1),
    -- Attempts are counted through; a replay begins a new episode, with all its tries before it.
    first_attempt   integer not null default 1,
    episode         integer not null default 1 check (episode >= 1),
    created_at      timestamptz not null default now(),
    expires_at      timestamptz,
    consigned_at    timestamptz,
    acknowledged_at timestamptz,
    closed_at       timestamptz,
    check ((kind = 'receipt') = (receipt_id is not null))
) with (fillfactor = 85);
create unique index deliveries_same_content
    on deliveries (sender, document_id, business_type, content_digest, recipient)
    where kind = 'document' and is_current;
create index deliveries_message on deliveries (message_id);
create index deliveries_parties on deliveries (document_id, sender, recipient) where kind = 'document';
-- No index mentions the state, in its columns or in its condition, so that a change of state touches none of them.

create table attempts (
    delivery_id uuid        not null,
    attempt     integer     not null,
    episode     integer     not null,
    at          timestamptz not null,
    outcome     text        not null,
    note        text
);
create index attempts_delivery on attempts (delivery_id);

-- Promises not yet kept. A row goes when the broker has confirmed.
create table outbox_entries (
    entry_id      bigint generated always as identity primary key,
    delivery_id   uuid    not null unique references deliveries,
    mailbox       text    not null,
    sender        text,
    recipient     text    not null,
    is_urgent     boolean not null,
    lane_number   bigint  not null,
    attempt       integer not null,
    octets        integer not null,
    -- Never published yet: the later entries of its lane wait for it. Retries hold nobody up.
    is_fresh      boolean not null default true,
    not_before    timestamptz not null default now(),
    expires_at    timestamptz,
    claimed_by    bigint,
    claimed_until timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
create index outbox_entries_expiring on outbox_entries (expires_at) where expires_at is not null;
create index outbox_entries_due on outbox_entries (mailbox, is_urgent desc, entry_id) where is_fresh;
create index outbox_entries_retried on outbox_entries (mailbox, not_before) where not is_fresh;
create index outbox_entries_lane on outbox_entries (sender, recipient, is_urgent, lane_number)
    where is_fresh and lane_number > 0;

create table receipts (
    receipt_id uuid primary key,
    message_id uuid not null,
    event      text not null,
    mailbox    text not null,
    issued_at  timestamptz not null,
    supersedes uuid,
    body       bytea not null
);
alter table receipts alter column body set compression lz4;
create index receipts_message on receipts (message_id);

-- One receipt for each delivery, event and episode; consignments close together share the receipt.
create table receipt_subjects (
    delivery_id uuid    not null,
    event       text    not null,
    episode     integer not null,
    receipt_id  uuid    not null,
    primary key (delivery_id, event, episode)
);
-- A refusal that is committed and then handed in again by the broker is answered with the stored receipt.
create table refusals (
    mailbox      text  not null,
    transport_id text  not null,
    digest       bytea not null,
    message_id   uuid  not null,
    primary key (mailbox, transport_id, digest)
);

create table statuses (
    message_id  uuid primary key,
    delivery_id uuid not null,
    code        text not null,
    description text not null,
    reported_by text not null,
    at          timestamptz not null,
    state_before text not null,
    state_after  text not null,
    -- Late or repeated: recorded, forwarded, and nothing moved.
    moved        boolean not null
);
create index statuses_delivery on statuses (delivery_id);

create table events (
    event_id    bigint generated always as identity primary key,
    at          timestamptz not null default clock_timestamp(),
    name        text not null,
    message_id  uuid,
    delivery_id uuid,
    detail      jsonb
);
create index events_message on events (message_id) where message_id is not null;
create index events_delivery on events (delivery_id) where delivery_id is not null;

-- Operators --------------------------------------------------------------------------------------------------

create table cases (
    case_id     bigint generated always as identity primary key,
    delivery_id uuid references deliveries,
    -- A message that the hub itself could not process has no delivery; its bytes are kept here.
    queue       text,
    digest      bytea,
    body        bytea,
    mailbox     text,
    cause       text not null,
    episode     integer not null default 1,
    opened_at   timestamptz not null default now(),
    outcome     text check (outcome in ('replayed', 'discarded', 'acknowledged')),
    closed_at   timestamptz,
    check (delivery_id is not null or (queue is not null and digest is not null)),
    check ((outcome is null) = (closed_at is null))
);
create unique index cases_one_open on cases (delivery_id) where delivery_id is not null and outcome is null;
create unique index cases_once on cases (queue, digest) where queue is not null;
create index cases_open on cases (opened_at) where outcome is null;
create index cases_delivery on cases (delivery_id);

create table invalid_messages (
    invalid_id  bigint generated always as identity primary key,
    queue       text not null,
    digest      bytea not null,
    body        bytea not null,
    claimed_by  text,
    reason      text not null,
    arrived_at  timestamptz not null,
    times       integer not null default 1,
    unique (queue, digest)
);

create table operator_actions (
    action_id   bigint generated always as identity primary key,
    at          timestamptz not null default now(),
    operator    text not null,
    action      text not null,
    case_id     bigint references cases,
    delivery_id uuid,
    reason      text,
    detail      jsonb
);
create index operator_actions_delivery on operator_actions (delivery_id);
