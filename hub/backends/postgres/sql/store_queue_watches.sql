insert into queue_watches as w (mailbox, mark, marked_at, empty_at, counted_at, depth, published, taken, event_id)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[])
on conflict (mailbox) do update set mark = excluded.mark, marked_at = excluded.marked_at, empty_at = excluded.empty_at,
    counted_at = excluded.counted_at, depth = excluded.depth, published = excluded.published, taken = excluded.taken,
    event_id = excluded.event_id
