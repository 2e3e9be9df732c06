-- The highest number that an event was given; who is given one later gets a higher one.
select case when is_called then last_value else 0 end from events_event_id_seq
