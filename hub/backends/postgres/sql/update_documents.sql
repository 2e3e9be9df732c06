update documents d set content_digest = n.content_digest
from unnest($1::text[], $2::text[], $3::bytea[]) as n (sender, document_id, content_digest)
where d.sender = n.sender and d.document_id = n.document_id
