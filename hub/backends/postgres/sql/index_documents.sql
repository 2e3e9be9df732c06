-- $1 message ids, $2 instants of arrival, $3 their terms, line by line
insert into document_search (message_id, received_at, terms)
select message_id, received_at, string_to_array(terms, chr(10))
  from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as entered (message_id, received_at, terms)
on conflict do nothing
