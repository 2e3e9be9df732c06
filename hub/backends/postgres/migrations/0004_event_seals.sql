-- The audit log (decision 0011): the sealer chains committed events here, so that inserting an event costs nothing.

-- Position 1 is the first; positions and event ids grow together and positions have no gap.
create table event_seals (
    position bigint primary key check (position >= 1),
    event_id bigint not null unique,
    link     bytea  not null check (octet_length(link) = 32)
);

-- The canonical form and the hashes are defined in hub/evidence/chain.py; a test holds the two together.
create function event_field(value bytea) returns bytea language sql immutable parallel safe
    return coalesce(int4send(octet_length(value)) || value, '\xffffffff'::bytea);

create function event_leaf(
    event_id bigint, at timestamptz, name text, message_id uuid, delivery_id uuid, detail jsonb
) returns bytea language sql immutable parallel safe
    return sha256('\x00'::bytea
        || event_field(int8send(event_id)) || event_field(timestamptz_send(at))
        || event_field(convert_to(name, 'UTF8'))
        || event_field(uuid_send(message_id)) || event_field(uuid_send(delivery_id))
        || event_field(convert_to(detail::text, 'UTF8')));

create function event_link(before bytea, genesis bytea, leaf bytea) returns bytea language sql immutable parallel safe
    return sha256('\x02'::bytea || coalesce(before, genesis) || leaf);

-- link_events(before the first, leaf): the links of leaves in their order.
create aggregate link_events(bytea, bytea) (sfunc = event_link, stype = bytea, parallel = restricted);

-- A second net below the rights of roles: against the mistake of somebody who owns the tables.
create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'evidence in % is appended to, never changed', tg_table_name
        using errcode = 'insufficient_privilege',
              hint = 'whoever has to, disables the trigger append_only in the same transaction, and says so';
end $$;
do $$
declare each text;
begin
    foreach each in array array['events', 'event_seals', 'attempts', 'receipts', 'receipt_sheets', 'receipt_subjects',
        'refusals', 'statuses', 'trust_objects', 'validations', 'operator_actions']
    loop
        execute format('create trigger append_only before update or delete or truncate on %I '
            'for each statement execute function refuse_change()', each);
    end loop;
end $$;
