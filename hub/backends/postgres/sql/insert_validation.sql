-- $1 identifier, $2 indication, $3 sub-indication, $4 policy, $5 note, $6 path, $7 revocation data
insert into validations (validation_id, indication, sub_indication, policy, note, path, revocation)
values ($1, $2, $3, $4, $5, $6::bytea[], $7::bytea[]) on conflict (validation_id) do nothing
