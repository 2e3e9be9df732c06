-- $1 keys, or null for all
select a.key, a.code, a.name, a.level, a.parent, a.closed_at, a.successor,
       m.name as mailbox, m.kind as mailbox_kind, m.closed_at as mailbox_closed_at,
       (select count(*) from certificates c
         where c.agency = a.key and c.revoked_at is null and c.not_after > now()) as certificates
  from agencies a
  left join mailboxes m on m.agency = a.key
 where $1::text[] is null or a.key = any ($1)
 order by a.key, m.closed_at nulls first
