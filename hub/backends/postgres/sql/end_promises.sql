-- $1 deliveries that have reached their mailboxes, or never will: nothing is left to publish
delete from outbox_entries where delivery_id = any ($1::uuid[])
