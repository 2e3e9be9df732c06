-- Several certificates of an agency at a time, each of its kind; one that was replaced ends by plan.
alter table certificates add column kind text not null default 'seal' check (kind in ('seal', 'officer', 'system'));
alter table certificates add column retired_at timestamptz;

-- Certificates of authorities between the anchors and those who sign; material for paths, trusted by themselves
-- in nothing.
create table issuing_certificates (
    fingerprint   bytea primary key check (octet_length(fingerprint) = 32),
    subject       text not null,
    der           bytea not null,
    registered_at timestamptz not null default now()
);
create trigger issuing_certificates_changed after insert or update or delete or truncate on issuing_certificates
    for each statement execute function bump_registry_version();

-- One row for each warning that a certificate ends soon: nobody is warned of the same thing twice.
create table certificate_warnings (
    fingerprint bytea not null references certificates,
    days        smallint not null,
    warned_at   timestamptz not null default now(),
    primary key (fingerprint, days)
);

-- Where the status of certificates is published, and the newest that was fetched from there.
create table revocation_sources (
    source      text primary key,
    kind        text not null check (kind in ('crl', 'ocsp')),
    url         text not null,
    -- Of OCSP: the certificate that was asked about.
    fingerprint bytea,
    digest      bytea,
    body        bytea,
    fetched_at  timestamptz,
    next_update timestamptz,
    -- Who fetches takes the row by moving this: no source is asked by two processes at once.
    due_at      timestamptz not null default now(),
    failures    integer not null default 0,
    failure     text,
    check ((kind = 'ocsp') = (fingerprint is not null)),
    check ((digest is null) = (body is null))
);
alter table revocation_sources alter column body set storage external;

create table revocation_versions (
    only_row boolean primary key default true check (only_row),
    version  bigint not null
);
insert into revocation_versions (version) values (1);
create function bump_revocation_version() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    update revocation_versions set version = version + 1;
    return null;
end $$;
create trigger revocation_sources_changed after delete or update of digest on revocation_sources
    for each statement execute function bump_revocation_version();

-- What a message was judged by: certificates of the path, CRLs, OCSP responses; each kept once, by its digest.
create table trust_objects (
    digest bytea primary key check (octet_length(digest) = 32),
    kind   text not null check (kind in ('certificate', 'crl', 'ocsp')),
    body   bytea not null
);
-- One row for equal verdicts on signing certificates (ETSI EN 319 102-1); many messages share it.
create table validations (
    validation_id  bytea primary key check (octet_length(validation_id) = 32),
    indication     text not null check (indication in ('PASSED', 'FAILED', 'INDETERMINATE')),
    sub_indication text,
    policy         text not null check (policy in ('hard', 'soft', 'none')),
    note           text not null,
    -- Digests in trust_objects; the path from the anchor down to the signer's certificate.
    path           bytea[] not null,
    revocation     bytea[] not null
);
-- Null where the signature itself did not hold, and for what was decided before this was kept.
alter table messages add column validation_id bytea;
