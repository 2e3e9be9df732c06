-- When hub processes were last kept out of this database: it was restored then.
select at from operator_actions where action = 'hold' order by action_id desc limit 1
