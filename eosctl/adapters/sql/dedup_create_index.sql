CREATE INDEX {index} ON {table} ({processed_at})
