INSERT INTO {table} ({consumer_group}, {topic}, {partition}, {committed_offset}, {updated_at})
SELECT %(group)s, n.topic, n.partition, n.stored, clock_timestamp()
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(stored)s::bigint[]) AS n (topic, partition, stored)
