-- The hub's own certificates, and what was known of their revocation while receipts were signed with them.

create table hub_certificates (
    fingerprint bytea primary key check (octet_length(fingerprint) = 32),
    der         bytea not null,
    -- Certificates of authorities that came with it; trusted by themselves in nothing.
    chain       bytea[] not null,
    not_after   timestamptz not null,
    entered_at  timestamptz not null default now()
);
-- Whoever plans what to ask looks again.
create trigger hub_certificates_changed after insert on hub_certificates
    for each statement execute function bump_registry_version();

-- One row for each verdict that was new when it was reached.
create table hub_validations (
    -- Of one of hub_certificates.
    fingerprint   bytea not null,
    validation_id bytea not null,
    judged_at     timestamptz not null,
    primary key (fingerprint, validation_id)
);
create index hub_validations_judged_at on hub_validations (fingerprint, judged_at);

do $$
declare each text;
begin
    foreach each in array array['hub_certificates', 'hub_validations']
    loop
        execute format('create trigger append_only before update or delete or truncate on %I '
            'for each statement execute function refuse_change()', each);
    end loop;
end $$;
