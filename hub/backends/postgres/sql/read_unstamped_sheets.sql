-- $1 after which sheet, $2 how many: those without a time stamp, the oldest first
select s.sheet_id, sha256(s.body) as digest
  from receipt_sheets s
 where s.sheet_id > $1
   and not exists (select from stamped_sheets t where t.sheet_id = s.sheet_id)
 order by s.sheet_id
 limit $2
