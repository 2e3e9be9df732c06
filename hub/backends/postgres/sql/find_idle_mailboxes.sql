-- Of $1, those for which nothing waits; asked as the two indexes by mailbox can answer it.
select name
from unnest($1::text[]) as name
where not exists (select from outbox_entries o where o.mailbox = name and o.is_fresh)
    and not exists (select from outbox_entries o where o.mailbox = name and not o.is_fresh)
