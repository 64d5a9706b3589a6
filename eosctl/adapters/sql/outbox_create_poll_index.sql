CREATE INDEX CONCURRENTLY {index} ON {table} ({created_at}, {id}) WHERE {published_at} IS NULL
