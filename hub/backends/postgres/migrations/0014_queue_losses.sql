-- What is known of the mailboxes' queues by whoever watches them, and what was lost out of them.

-- One row for each mailbox; `docs/decisions/0020-lost-queues.md` says what the figures prove.
create table queue_watches (
    mailbox        text primary key references mailboxes,
    -- Bound to the queue, it vanishes with it.
    mark           text not null,
    -- Since when the mark has been seen on the broker; null until then.
    marked_at      timestamptz,
    -- When it was last certain that nothing lay in the queue.
    empty_at       timestamptz,
    -- What the broker had counted when the queue was last at rest, and which event was the newest before.
    counted_at     timestamptz,
    depth          bigint,
    published      bigint,
    taken          bigint,
    event_id       bigint
);

create table queue_losses (
    loss_id       bigint generated always as identity primary key,
    mailbox       text not null references mailboxes,
    kind          text not null check (kind in ('missing', 'remade', 'emptied', 'told')),
    -- What the broker confirmed between these two may have been lost; null where nothing is known of the beginning.
    since         timestamptz,
    noticed_at    timestamptz not null default now(),
    -- How many deliveries that may be.
    deliveries    integer not null check (deliveries >= 0),
    ended_at      timestamptz,
    ended_because text check (ended_because in ('sent_again', 'nothing_lost', 'dismissed')),
    ended_by      text,
    check ((ended_at is null) = (ended_because is null))
);
create unique index queue_losses_one_open on queue_losses (mailbox) where ended_at is null;
