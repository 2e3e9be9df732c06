-- $1 kind, $2 who asks, $3 reason, $4 selection, $5 canary, $6 rate, $7 new mailbox, $8 who has started it, if somebody has
insert into campaigns (kind, state, asked_by, reason, selection, is_canary, rate_per_minute, new_mailbox, started_by)
values ($1, 'judging', $2, $3, $4, $5, $6, $7, $8)
returning campaign_id
