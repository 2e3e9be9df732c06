-- $1 token digest
delete from sessions where token_digest = $1
