-- $1 identifier of the message
select m.received_at, v.indication, v.sub_indication, v.policy, v.note, v.path, v.revocation
  from messages m join validations v using (validation_id)
 where m.message_id = $1
