-- Why a recipient's system rejected an attempt, in its own words: for operators to read, proved by nobody.
create table reject_reasons (
    delivery_id uuid        not null references deliveries,
    attempt     integer     not null check (attempt > 0),
    mailbox     text        not null,
    reason      text        not null check (length(reason) between 1 and 500),
    told_at     timestamptz not null default now(),
    primary key (delivery_id, attempt)
);
create trigger append_only before update or delete or truncate on reject_reasons
    for each statement execute function refuse_change();
