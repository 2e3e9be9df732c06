-- When a mailbox that was in trouble last acknowledged something: what came back before that and comes back again after
-- it is bad itself, and says nothing about its mailbox.
alter table mailboxes add column heard_at timestamptz;
