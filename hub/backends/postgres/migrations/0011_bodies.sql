-- Large bodies: what mailboxes check in beside their messages. The octets lie in the blob store, under the mailbox and
-- the digest; what is here says how far they are, and for how long they stay.
create table bodies (
    mailbox     text   not null,
    digest      bytea  not null check (octet_length(digest) = 32),
    octets      bigint not null check (octets > 0),
    -- What has arrived for good. The last part counts once the whole is put together and has its digest.
    received    bigint not null default 0,
    -- Leaving: nobody may use it any more, and its octets are being deleted. Expired: its message has outlived it.
    state       text   not null default 'uploading' check (state in ('uploading', 'complete', 'leaving', 'expired')),
    created_at  timestamptz not null default now(),
    touched_at  timestamptz not null default now(),
    -- When a message that claims it was accepted: from then on it is kept for as long as the message.
    accepted_at timestamptz,
    primary key (mailbox, digest),
    check (received between 0 and octets),
    check (state <> 'complete' or received = octets)
);
create index bodies_digest on bodies (digest);
create index bodies_idle on bodies (touched_at) where accepted_at is null;
create index bodies_kept on bodies (accepted_at) where accepted_at is not null;
