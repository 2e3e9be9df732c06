select wanted.message_id as wanted, earlier.message_id as earlier, earlier.digest = wanted.digest as is_same_content,
    earlier.sender = wanted.sender and earlier.submission_id = wanted.submission_id as is_same_id
from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::uuid[])
    as wanted (mailbox, sender, submission_id, digest, message_id)
join submissions earlier on earlier.mailbox = wanted.mailbox and (
    (earlier.sender = wanted.sender and earlier.submission_id = wanted.submission_id)
    or earlier.digest = wanted.digest)
order by is_same_id desc
