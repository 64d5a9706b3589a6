SELECT {id}::text AS id, coalesce({aggregate_type}::text, '') AS aggregate_type, coalesce({aggregate_id}::text, '') AS aggregate_id,
       coalesce({event_type}::text, '') AS event_type, {created_at}::timestamptz AS created_at, {published_at}::timestamptz AS published_at,
       coalesce({retry_count}, 0) AS retry_count, {last_error} AS last_error, left({payload}::text, %(preview)s::int) AS payload
FROM {table}
WHERE coalesce({retry_count}, 0) >= %(min_retries)s
  AND (%(aggregate_id)s::text IS NULL OR {aggregate_id}::text = %(aggregate_id)s)
  AND (%(aggregate_type)s::text IS NULL OR {aggregate_type}::text = %(aggregate_type)s)
ORDER BY {created_at} DESC, {id} DESC
LIMIT %(limit)s
