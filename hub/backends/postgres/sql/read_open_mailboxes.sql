select name from mailboxes where closed_at is null
