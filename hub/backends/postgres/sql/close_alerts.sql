-- $1 alerts, $2 channels
with closed as (
    update alerts set closed_at = now() where alert_id = any ($1) and closed_at is null
    returning alert_id, kind, subject, detail, opened_at
), told as (
    insert into alert_notices (alert_id, moment, channel)
    select alert_id, 'end', channel from closed, unnest($2::text[]) as channel where kind <> 'test'
)
select alert_id, kind, subject, detail, opened_at from closed
