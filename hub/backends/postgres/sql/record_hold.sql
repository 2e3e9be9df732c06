-- $1 who, $2 hold or release, $3 why
insert into operator_actions (operator, action, detail) values ($1, $2, $3)
