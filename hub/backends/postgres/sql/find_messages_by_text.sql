-- $1 what a sender called a submission or a document, $2 limit
select message_id from messages where submission_id = $1
union select message_id from messages where document_id = $1
 limit $2
