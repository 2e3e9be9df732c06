insert into cases (delivery_id, mailbox, cause, episode)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::int[])
on conflict (delivery_id) where delivery_id is not null and outcome is null do nothing
