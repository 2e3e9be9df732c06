-- Time stamps over receipt sheets (decision 0014), fetched beside the line: one is for many sheets.

create table time_stamps (
    stamp_id  bigint generated always as identity primary key,
    -- What the authority says, not what the hub's clock said.
    at        timestamptz not null,
    authority text  not null,
    -- The SHA-256 of each sheet, in hexadecimal, a line each: the octets that were stamped.
    manifest  bytea not null,
    token     bytea not null
);

create table stamped_sheets (
    sheet_id uuid   primary key,
    stamp_id bigint not null
);

do $$
declare each text;
begin
    foreach each in array array['time_stamps', 'stamped_sheets']
    loop
        execute format('create trigger append_only before update or delete or truncate on %I '
            'for each statement execute function refuse_change()', each);
    end loop;
end $$;
