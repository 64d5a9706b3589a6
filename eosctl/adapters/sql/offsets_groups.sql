SELECT DISTINCT {consumer_group}::text AS consumer_group FROM {table} ORDER BY 1
