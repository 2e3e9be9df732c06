-- $1 agency keys; these and all below them
with recursive below as (
    select key from agencies where key = any ($1::text[])
    union
    select a.key from agencies a join below b on a.parent = b.key
)
select key from below order by key
