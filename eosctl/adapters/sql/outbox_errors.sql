SELECT left({last_error}, 200) AS error, count(*) AS events, max(coalesce({retry_count}, 0)) AS retries, min({created_at}::timestamptz) AS oldest_at
FROM {table} WHERE {published_at} IS NULL AND {last_error} IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10
