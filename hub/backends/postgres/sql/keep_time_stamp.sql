-- $1 when, $2 by whom, $3 manifest, $4 token, $5 the sheets in the manifest
with stamp as (
    insert into time_stamps (at, authority, manifest, token) values ($1, $2, $3, $4) returning stamp_id
)
insert into stamped_sheets (sheet_id, stamp_id)
select sheet_id, stamp_id from stamp cross join unnest($5::uuid[]) as sheet_id
