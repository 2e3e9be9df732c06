-- $1 key, $2 name
update agencies set name = $2 where key = $1
