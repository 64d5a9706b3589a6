SELECT count(*) FILTER (WHERE coalesce({retry_count}, 0) < %(max_retries)s) AS pending,
       count(*) FILTER (WHERE coalesce({retry_count}, 0) >= %(max_retries)s) AS failed,
       min({created_at}::timestamptz) FILTER (WHERE coalesce({retry_count}, 0) < %(max_retries)s) AS oldest_pending_at,
       min({created_at}::timestamptz) AS oldest_at,
       statement_timestamp() AS now
FROM {table} WHERE {published_at} IS NULL
