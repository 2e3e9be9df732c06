-- $1 login, $2 address
delete from login_failures where login = $1 and address = $2
