-- What was said to a message, an acceptance or a rejection, and under which name the message was submitted then.
select r.message_id, r.sheet_id, m.submission_id
from receipts r
join messages m using (message_id)
where r.message_id = any($1::uuid[]) and r.event in ('SubmissionAcceptance', 'SubmissionRejection')
