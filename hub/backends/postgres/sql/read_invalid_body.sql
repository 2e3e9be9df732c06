-- $1 id
select body from invalid_messages where invalid_id = $1
