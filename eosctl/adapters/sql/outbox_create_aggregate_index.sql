CREATE INDEX CONCURRENTLY {index} ON {table} ({aggregate_type}, {aggregate_id}, {created_at})
