SELECT {message_id}::text AS id FROM {table}
WHERE %(group)s::text IS NULL OR {consumer_group}::text = %(group)s
