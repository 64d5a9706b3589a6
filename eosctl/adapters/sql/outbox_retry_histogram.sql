SELECT coalesce({retry_count}, 0) AS retries, count(*) AS events FROM {table} WHERE {published_at} IS NULL GROUP BY 1 ORDER BY 1
