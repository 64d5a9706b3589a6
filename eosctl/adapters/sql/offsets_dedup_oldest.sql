SELECT (extract(epoch FROM min({processed_at})) * 1000)::bigint AS oldest_ms
FROM {table} WHERE NOT %(has_consumer_group)s OR {consumer_group}::text = %(group)s
