update cases set outcome = 'acknowledged', closed_at = now()
where delivery_id = any($1::uuid[]) and outcome is null
