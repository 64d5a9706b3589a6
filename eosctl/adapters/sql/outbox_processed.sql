SELECT {message_id}::text AS id FROM {table}
WHERE {processed_at} >= %(since)s AND (%(group)s::text IS NULL OR {consumer_group}::text = %(group)s)
