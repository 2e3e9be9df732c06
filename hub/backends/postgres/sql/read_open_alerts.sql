select alert_id, kind, subject from alerts where closed_at is null
