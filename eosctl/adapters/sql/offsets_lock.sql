SELECT {topic}::text AS topic, {partition}::int AS partition, {committed_offset}::bigint AS stored
FROM {table} WHERE {consumer_group} = %(group)s ORDER BY 1, 2 FOR UPDATE
