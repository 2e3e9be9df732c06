-- Nothing is left to publish where the recipient has acknowledged meanwhile.
delete from outbox_entries o
using deliveries d
where o.entry_id = any($1::bigint[]) and d.delivery_id = o.delivery_id and d.state <> 'waiting'
    and o.claimed_by is null
