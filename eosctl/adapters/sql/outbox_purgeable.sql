SELECT count(*) AS rows, min({published_at})::timestamptz AS oldest_at
FROM {table} WHERE {published_at} < now() - %(age_ms)s * interval '1 millisecond'
