-- $1 fingerprint of the hub's certificate, $2 identifier of the verdict, $3 when it was reached
insert into hub_validations (fingerprint, validation_id, judged_at) values ($1, $2, $3)
on conflict (fingerprint, validation_id) do nothing
