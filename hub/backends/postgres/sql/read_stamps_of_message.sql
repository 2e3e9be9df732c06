-- $1 message id: the time stamps over the receipts about it
select p.manifest, p.token
  from time_stamps p
 where p.stamp_id in (select t.stamp_id from receipts r join stamped_sheets t using (sheet_id) where r.message_id = $1)
 order by p.stamp_id
