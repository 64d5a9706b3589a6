SELECT {id}::text AS id, coalesce({aggregate_type}::text, '') AS aggregate_type, coalesce({event_type}::text, '') AS event_type,
       {created_at}::timestamptz AS created_at, {published_at} IS NOT NULL AS published,
       {published_at} IS NULL AND coalesce({retry_count}, 0) >= %(max_retries)s AS failed
FROM {table}
WHERE {created_at} >= %(since)s AND {created_at} < %(until)s
