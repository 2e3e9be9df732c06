-- $1 mailbox, $2 digest: what came has another digest
update bodies set received = 0, touched_at = now() where mailbox = $1 and digest = $2 and state = 'uploading'
