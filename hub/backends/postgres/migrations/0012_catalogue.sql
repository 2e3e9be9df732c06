-- The catalogue of agencies as those who send by it keep copies of it: every entry has a number of its own, and the
-- version of the registry with which it last changed. What has changed since a version is then one question.
alter table agencies
    add column number bigint generated always as identity,
    add column version bigint not null default 1,
    add column changed_at timestamptz not null default now();
create unique index agencies_number on agencies (number);
create index agencies_version on agencies (version);

-- The version is the one that the end of this statement brings (bump_registry_version). The lock lasts until the
-- commit: versions become visible in their order, and who has read one never misses an earlier one.
create function stamp_agency() returns trigger language plpgsql security definer
    set search_path = public, pg_temp as $$
begin
    select version + 1 into new.version from registry_versions for update;
    new.changed_at := now();
    return new;
end $$;
create trigger agencies_stamped before insert or update on agencies
    for each row execute function stamp_agency();
