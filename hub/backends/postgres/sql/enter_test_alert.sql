-- $1 who asks, $2 channels: nothing where the last test of the same operator is still being told
with entered as (
    insert into alerts (kind, subject) values ('test', $1)
    on conflict (kind, subject) where closed_at is null do nothing
    returning alert_id
), told as (
    insert into alert_notices (alert_id, moment, channel)
    select alert_id, 'test', channel from entered, unnest($2::text[]) as channel
)
select alert_id from entered
