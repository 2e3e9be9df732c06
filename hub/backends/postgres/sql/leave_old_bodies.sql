-- $1 accepted before, $2 before when somebody else had begun to delete them, $3 limit. A delivery that waits, or may be
-- sent again, needs its body.
update bodies set state = 'leaving', touched_at = now()
where (mailbox, digest) in (
    select b.mailbox, b.digest from bodies b
    where b.accepted_at < $1::timestamptz
        and (b.state = 'complete' or b.state = 'leaving' and b.touched_at < $2::timestamptz)
        and not exists (
            select from messages m
            join deliveries d on d.message_id = m.message_id and d.kind = 'document'
            where m.digest = b.digest and m.mailbox = b.mailbox and m.verdict = 'accepted'
                and d.state in ('waiting', 'consigned', 'dead'))
    order by b.accepted_at
    limit $3
    for update of b skip locked)
returning mailbox, digest, octets
