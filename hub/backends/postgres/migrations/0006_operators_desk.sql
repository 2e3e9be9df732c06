-- The operators' desk: cases by cause, campaigns over many of them, routes that an operator changed; who may log in to
-- the console; alerts; what is known of a mailbox that fails; and the words by which documents are found.

-- Cases ------------------------------------------------------------------------------------------------------

alter table cases
    -- A reason of return (`ReturnReason`), a rejection code, or 'hub' for what the hub itself could not process.
    add column cause_code    text not null default 'unknown',
    -- Path or rule that the recipient named, where it named one.
    add column cause_rule    text,
    -- Fingerprint of the certificate that signed the message.
    add column certificate   bytea,
    add column sender        text,
    add column recipient     text,
    add column owner         text,
    add column snoozed_until timestamptz,
    add column ticket        text check (ticket ~ '^https://[^[:space:]]+$'),
    -- How often this delivery was a case before.
    add column times_back    integer not null default 0;
update cases set cause_code = 'hub' where delivery_id is null;
update cases c
   set cause_code = coalesce(substring(c.cause from '^([a-z_]+) at attempt'), 'unknown'),
       certificate = m.signed_by, sender = d.sender, recipient = d.recipient,
       times_back = (select count(*) from cases e where e.delivery_id = c.delivery_id and e.case_id < c.case_id)
  from deliveries d
  left join messages m on m.message_id = d.message_id
 where d.delivery_id = c.delivery_id;
-- The same for all cases with one root cause: the first 16 digits of a SHA-256, made here so that nobody who writes
-- a case can leave it out. (decode() of an escaped text gives its bytes, and is immutable; convert_to() is not.)
alter table cases add column group_key text not null generated always as (left(encode(sha256(decode(replace(
    cause_code || chr(31) || coalesce(cause_rule, '') || chr(31) || coalesce(mailbox, '') || chr(31)
    || coalesce(encode(certificate, 'hex'), ''), '\', '\\'), 'escape')), 'hex'), 16)) stored;
create index cases_open_by_group on cases (group_key, case_id) where outcome is null;
create index cases_open_in_order on cases (case_id) where outcome is null;

-- Notes belong to the delivery as much as to the case, so that they are read after a replay, too.
create table case_notes (
    note_id     bigint generated always as identity primary key,
    case_id     bigint not null references cases,
    delivery_id uuid,
    at          timestamptz not null default now(),
    operator    text not null,
    text        text not null check (length(text) between 1 and 10000)
);
create index case_notes_case on case_notes (case_id);
create index case_notes_delivery on case_notes (delivery_id) where delivery_id is not null;

-- Campaigns --------------------------------------------------------------------------------------------------

create table campaigns (
    campaign_id     bigint generated always as identity primary key,
    kind            text not null check (kind in ('replay', 'discard')),
    state           text not null check (state in ('judging', 'ready', 'awaiting_second', 'canary', 'running', 'paused',
        'stopped', 'cancelled', 'done')),
    asked_by        text not null,
    started_by      text,
    -- Two people: who asked for it or started it does not confirm it.
    confirmed_by    text check (confirmed_by <> asked_by and confirmed_by <> started_by),
    reason          text,
    -- What was chosen, as it was asked for; the items are what came of it.
    selection       jsonb not null,
    is_canary       boolean not null default true,
    -- For each mailbox; null where nothing limits it.
    rate_per_minute integer check (rate_per_minute > 0),
    new_mailbox     text references mailboxes,
    -- The step under way: 1, 2, 3 of a canary; from when on it has been waiting for what it sent.
    step            integer not null default 0,
    step_sent_at    timestamptz,
    items           integer not null default 0,
    judged          integer not null default 0,
    would_pass      integer not null default 0,
    sent            integer not null default 0,
    done            integer not null default 0,
    refused         integer not null default 0,
    failed_again    integer not null default 0,
    created_at      timestamptz not null default now(),
    judged_at       timestamptz,
    started_at      timestamptz,
    ended_at        timestamptz,
    stopped_because text
);
create index campaigns_at_work on campaigns (campaign_id) where ended_at is null;

create table campaign_items (
    campaign_id bigint not null references campaigns,
    case_id     bigint not null references cases,
    delivery_id uuid,
    mailbox     text,
    is_urgent   boolean not null default false,
    would_pass  boolean,
    why         text,
    state       text not null default 'pending' check (state in ('pending', 'sent', 'done', 'refused', 'failed_again')),
    step        integer,
    -- The attempt that it went out with.
    attempt     integer,
    at          timestamptz not null default now(),
    primary key (campaign_id, case_id)
) with (fillfactor = 70);
create index campaign_items_at_work on campaign_items (campaign_id, state, is_urgent desc, case_id)
    where state in ('pending', 'sent');
create index campaign_items_case on campaign_items (case_id);

-- Routes that an operator changed, signed by the hub's key: the document's own bytes stay as they are.
create table route_overlays (
    overlay_id   uuid primary key,
    delivery_id  uuid not null references deliveries,
    from_mailbox text not null,
    to_mailbox   text not null references mailboxes,
    operator     text not null,
    reason       text not null,
    at           timestamptz not null,
    body         bytea not null
);
create index route_overlays_delivery on route_overlays (delivery_id);

-- People and programs ----------------------------------------------------------------------------------------

create table accounts (
    account_id    bigint generated always as identity primary key,
    login         text not null check (login = lower(login) and login ~ '^[^[:space:]]{1,128}$'),
    display_name  text not null,
    -- Argon2id in its own notation; null for who comes by OIDC only.
    password_hash text,
    oidc_subject  text unique,
    role          text not null check (role in ('viewer', 'operator', 'supervisor', 'administrator')),
    -- Keys of agencies whose documents the account may see and act on, with all below them; null for all.
    agencies      text[],
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz
);
create unique index accounts_login on accounts (login);

create table sessions (
    token_digest bytea primary key check (octet_length(token_digest) = 32),
    account_id   bigint not null references accounts,
    csrf_digest  bytea not null check (octet_length(csrf_digest) = 32),
    created_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now(),
    expires_at   timestamptz not null
);
create index sessions_account on sessions (account_id);

create table login_failures (
    failure_id bigint generated always as identity primary key,
    at         timestamptz not null default now(),
    login      text not null,
    address    text not null
);
create index login_failures_at on login_failures (at);

create table api_tokens (
    token_digest bytea primary key check (octet_length(token_digest) = 32),
    account_id   bigint not null references accounts,
    name         text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    revoked_at   timestamptz
);
create index api_tokens_account on api_tokens (account_id);

-- Alerts -----------------------------------------------------------------------------------------------------

create table alerts (
    alert_id  bigint generated always as identity primary key,
    kind      text not null,
    subject   text not null,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    detail    jsonb
);
create unique index alerts_one_open on alerts (kind, subject) where closed_at is null;

create table alert_notices (
    notice_id  bigint generated always as identity primary key,
    alert_id   bigint not null references alerts,
    moment     text not null check (moment in ('start', 'end', 'test')),
    channel    text not null,
    due_at     timestamptz not null default now(),
    sent_at    timestamptz,
    attempts   integer not null default 0,
    last_error text,
    unique (alert_id, moment, channel)
);
create index alert_notices_due on alert_notices (due_at) where sent_at is null;

-- Mailboxes that fail ----------------------------------------------------------------------------------------

alter table mailboxes
    add column breaker         text not null default 'closed'
        check (breaker in ('closed', 'open', 'half_open', 'draining')),
    -- Returns in a row, without an acknowledgement in between.
    add column failures        integer not null default 0 check (failures >= 0),
    add column failing_since   timestamptz,
    -- How many entries a claim may take while what waited is drained; null where nothing limits it.
    add column drain_allowance integer check (drain_allowance > 0);

-- Search -----------------------------------------------------------------------------------------------------

-- Filled beside the line by `SearchIndexer`, so that intake does not pay for it. Terms are words, folded the same way
-- for what is kept and what is asked, and the parties: `<` before the sender, `>` before each recipient.
create table document_search (
    message_id  uuid primary key references messages,
    received_at timestamptz not null,
    terms       text[] not null
);
create index document_search_terms on document_search using gin (array_to_tsvector(terms));

-- When each mailbox last sent anything.
create table mailbox_sightings (
    mailbox text primary key,
    seen_at timestamptz not null
);

-- What is late: a few pages for each day, and nothing that a change of state would touch.
create index deliveries_created on deliveries using brin (created_at);
create index messages_due on messages (due_on) where due_on is not null;

do $$
declare each text;
begin
    foreach each in array array['case_notes', 'route_overlays']
    loop
        execute format('create trigger append_only before update or delete or truncate on %I '
            'for each statement execute function refuse_change()', each);
    end loop;
end $$;
