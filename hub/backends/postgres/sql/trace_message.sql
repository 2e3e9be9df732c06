-- $1 message id
select message_id, kind, verdict, mailbox, submission_id, digest, octets, sender, document_id, business_type, priority,
       code_number, code_notation, subject, received_at, decided_at
  from messages where message_id = $1
