-- $1 key, $2 code, $3 name, $4 key of the parent or null
insert into agencies (key, code, name, level, parent)
values ($1, $2, $3, coalesce((select parent.level + 1 from agencies parent where parent.key = $4), 1), $4)
on conflict (key) do nothing
returning key
