-- What was said to a submission: a message has one acceptance or one rejection.
select receipt_id, message_id, event, body from receipts
where message_id = any($1::uuid[]) and event in ('SubmissionAcceptance', 'SubmissionRejection')
