-- $1 name, $2 key of its agency, $3 kind
insert into mailboxes as m (name, agency, kind) values ($1, $2, $3)
on conflict (name) do update set closed_at = null, kind = excluded.kind
 where m.agency = excluded.agency and (m.closed_at is not null or m.kind <> excluded.kind)
