-- $1 key behind which to read, or null; $2 version behind which, 0 for everything; $3 at most so many, null for all
with standing as (select coalesce(max(version), 0) as version from agencies)
select standing.version as standing, e.*
  from standing
  left join lateral (
    select number, key, code, name, level, parent, closed_at, successor, version, changed_at
      from agencies
     where ($1::text is null or key > $1) and version > $2
     order by key
     limit $3
  ) e on true
 order by e.key
