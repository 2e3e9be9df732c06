-- $1 kinds, $2 subjects, $3 details, $4 channels: what is open already only gets the newest details
with opened as (
    insert into alerts (kind, subject, detail)
    select kind, subject, detail from unnest($1::text[], $2::text[], $3::jsonb[]) as seen (kind, subject, detail)
     order by kind, subject
    on conflict (kind, subject) where closed_at is null do update set detail = excluded.detail
    returning alert_id, xmax = 0 as is_new
)
insert into alert_notices (alert_id, moment, channel)
select alert_id, 'start', channel from opened, unnest($4::text[]) as channel where is_new
