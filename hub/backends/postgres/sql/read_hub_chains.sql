-- Certificates of authorities above the hub's own
select distinct unnest(chain) as der from hub_certificates where not_after > now() order by der
