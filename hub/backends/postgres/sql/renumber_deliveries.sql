update deliveries d set lane_number = n.lane_number
from unnest($1::uuid[], $2::bigint[]) as n (delivery_id, lane_number)
where d.delivery_id = n.delivery_id
