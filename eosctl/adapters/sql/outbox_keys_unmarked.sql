SELECT {id}::text AS id, {aggregate_type}::text AS aggregate_type, {event_type}::text AS event_type,
       {created_at} AS created_at, true AS published, false AS failed
FROM {table}
WHERE {created_at} >= %(since)s AND {created_at} < %(until)s
