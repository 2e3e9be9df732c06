-- $1 since when: whether the lanes have jumped already
select exists (select from operator_actions where action = 'reconcile.lanes' and at >= $1)
