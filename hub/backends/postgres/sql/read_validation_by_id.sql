-- $1 identifier of the verdict, $2 when it was reached
select $2::timestamptz as received_at, indication, sub_indication, policy, note, path, revocation
  from validations
 where validation_id = $1
