SELECT {consumer_group}::text AS consumer_group, {topic}::text AS topic, {partition}::int AS partition,
       {committed_offset}::bigint AS stored
FROM {table} WHERE {consumer_group} = ANY(%(groups)s) ORDER BY 1, 2, 3
