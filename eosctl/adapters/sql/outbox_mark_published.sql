UPDATE {table} SET {published_at} = clock_timestamp() WHERE {id} = ANY(%(ids)b) AND {published_at} IS NULL
