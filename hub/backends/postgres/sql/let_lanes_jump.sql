-- $1 numbers that every lane leaves out, those that are not born yet included (`number_lanes`)
with jumped as (
    update lanes set next_number = next_number + $1::bigint where sender <> '' returning 1
), unborn as (
    insert into lanes as l (sender, recipient, is_urgent, next_number) values ('', '', false, 1 + $1::bigint)
    on conflict (sender, recipient, is_urgent) do update set next_number = l.next_number + $1::bigint
)
select count(*) from jumped
