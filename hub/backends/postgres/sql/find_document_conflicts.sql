-- Other content under the same DocumentId is fine for a recipient who no longer has the earlier one, and for one who
-- never had it where nobody else has it any more.
select distinct c.message_id
from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[])
    as c (message_id, sender, document_id, content_digest, recipient)
where exists (
        select from deliveries d
        where d.kind = 'document' and d.document_id = c.document_id and d.sender = c.sender
            and d.recipient = c.recipient and d.business_type = 0 and d.is_current
            and d.content_digest <> c.content_digest)
    or not exists (
        select from deliveries d
        where d.kind = 'document' and d.document_id = c.document_id and d.sender = c.sender
            and d.recipient = c.recipient and d.business_type = 0)
    and exists (
        select from deliveries d
        where d.kind = 'document' and d.document_id = c.document_id and d.sender = c.sender
            and d.business_type = 0 and d.is_current and d.content_digest <> c.content_digest)
