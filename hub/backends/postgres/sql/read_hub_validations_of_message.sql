-- $1 message id: the verdicts on the hub's certificates before and after each receipt about it was signed
select distinct v.judged_at, v.validation_id
  from (select distinct issued_at from receipts where message_id = $1) r
 cross join hub_certificates c
 cross join lateral (
    (select judged_at, validation_id from hub_validations
      where fingerprint = c.fingerprint and judged_at <= r.issued_at order by judged_at desc limit 1)
    union all
    (select judged_at, validation_id from hub_validations
      where fingerprint = c.fingerprint and judged_at > r.issued_at order by judged_at limit 1)) v
 order by v.judged_at, v.validation_id
