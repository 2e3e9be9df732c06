insert into documents (sender, document_id, content_digest)
select sender, document_id, content_digest
from unnest($1::text[], $2::text[], $3::bytea[]) as d (sender, document_id, content_digest)
order by sender, document_id
on conflict (sender, document_id) do nothing
returning sender, document_id
