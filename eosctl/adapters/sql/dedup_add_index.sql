CREATE INDEX CONCURRENTLY {index} ON {table} ({processed_at})
