CREATE INDEX CONCURRENTLY {index} ON {table} ({published_at}) WHERE {published_at} IS NOT NULL
