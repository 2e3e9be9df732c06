-- $1 alerts, $2 channels; the end of a test is nobody's news
with closed as (
    update alerts set closed_at = now() where alert_id = any ($1) and closed_at is null returning alert_id, kind
)
insert into alert_notices (alert_id, moment, channel)
select alert_id, 'end', channel from closed, unnest($2::text[]) as channel where kind <> 'test'
