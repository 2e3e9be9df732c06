insert into cases (delivery_id, mailbox, cause, episode)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::int[])
on conflict do nothing
