select d.sender, d.document_id, d.content_digest
from documents d
join unnest($1::text[], $2::text[]) as wanted (sender, document_id) using (sender, document_id)
order by d.sender, d.document_id
for update of d
