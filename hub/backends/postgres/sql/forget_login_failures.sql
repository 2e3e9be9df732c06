-- $1 before when
delete from login_failures where at < $1
