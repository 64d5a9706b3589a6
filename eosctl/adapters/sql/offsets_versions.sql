SELECT {topic}::text AS topic, {partition}::int AS partition, {committed_offset}::bigint AS stored,
       xmin::text AS version
FROM {table} WHERE {consumer_group} = %(group)s
