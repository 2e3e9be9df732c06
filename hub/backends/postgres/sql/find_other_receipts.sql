-- Deliveries, events, episodes and the receipts that others hold: where another one stands for the same
select s.delivery_id, s.event, s.episode, s.receipt_id, w.receipt_id as held
from unnest($1::uuid[], $2::text[], $3::int[], $4::uuid[]) as w (delivery_id, event, episode, receipt_id)
join receipt_subjects s using (delivery_id, event, episode)
where s.receipt_id <> w.receipt_id
