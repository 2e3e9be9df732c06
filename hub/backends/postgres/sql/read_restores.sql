-- When hub processes were kept out: the database was restored then, or about to be reconciled.
select at, operator, detail from operator_actions where action = 'hold' order by action_id
