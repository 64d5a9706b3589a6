SELECT {topic}::text AS topic, {partition}::int AS partition,
       greatest(0, extract(epoch FROM clock_timestamp() - {updated_at}) * 1000)::bigint AS age_ms
FROM {table} WHERE {consumer_group} = %(group)s
