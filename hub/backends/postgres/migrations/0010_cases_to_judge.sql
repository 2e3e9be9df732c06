-- What a campaign has still to judge is found without going through what it has judged.
create index campaign_items_unjudged on campaign_items (campaign_id, case_id)
    where state = 'pending' and would_pass is null;
