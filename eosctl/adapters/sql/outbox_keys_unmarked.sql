SELECT {id}::text AS id, coalesce({aggregate_type}::text, '') AS aggregate_type, coalesce({event_type}::text, '') AS event_type,
       {created_at}::timestamptz AS created_at, true AS published, false AS failed
FROM {table}
WHERE {created_at} >= %(since)s AND {created_at} < %(until)s
