select (select count(*) from cases where outcome is null) as open_cases,
    (select count(*) from invalid_messages) as invalid_messages
