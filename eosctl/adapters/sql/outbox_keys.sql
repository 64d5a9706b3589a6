SELECT {id}::text AS id, {aggregate_type}::text AS aggregate_type, {event_type}::text AS event_type,
       {created_at} AS created_at, {published_at} IS NOT NULL AS published,
       {published_at} IS NULL AND {retry_count} >= %(max_retries)s AS failed
FROM {table}
WHERE {created_at} >= %(since)s AND {created_at} < %(until)s
