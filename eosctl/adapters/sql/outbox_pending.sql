SELECT count(*) FILTER (WHERE {retry_count} < %(max_retries)s) AS pending,
       count(*) FILTER (WHERE {retry_count} >= %(max_retries)s) AS failed,
       min({created_at}) FILTER (WHERE {retry_count} < %(max_retries)s) AS oldest_pending_at,
       min({created_at}) AS oldest_at,
       statement_timestamp() AS now
FROM {table} WHERE {published_at} IS NULL
