-- $1 since: no more of each are counted than an alert could ask about
select (select count(*) from (select from invalid_messages where arrived_at >= $1 limit 10000) i) as invalid_messages,
       (select count(*) from (select from cases where opened_at >= $1 and outcome is null limit 10000) c) as cases
