-- $1 before when nobody touched them, $2 before when somebody else had begun to delete them, $3 limit. What is locked is
-- being accepted.
update bodies set state = 'leaving', touched_at = now()
where (mailbox, digest) in (
    select mailbox, digest from bodies
    where accepted_at is null and touched_at < case when state = 'leaving' then $2::timestamptz else $1::timestamptz end
        and state <> 'expired'
    order by touched_at
    limit $3
    for update skip locked)
returning mailbox, digest, octets
