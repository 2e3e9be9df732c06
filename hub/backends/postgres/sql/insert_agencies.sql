-- $1 keys, $2 codes, $3 names, $4 keys of the parents or null; the parents are there already
insert into agencies (key, code, name, level, parent)
select n.key, n.code, n.name, coalesce(p.level + 1, 1), n.parent
  from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as n (key, code, name, parent)
  left join agencies p on p.key = n.parent
on conflict (key) do nothing
returning key
