-- $1 notices, $2 what went wrong or null, $3 when to try again
update alert_notices
   set attempts = attempts + 1, last_error = $2, due_at = $3, sent_at = case when $2::text is null then now() end
 where notice_id = any ($1)
