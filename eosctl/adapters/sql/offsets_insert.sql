INSERT INTO {table} ({consumer_group}, {topic}, {partition}, {committed_offset})
SELECT %(group)s, n.topic, n.partition, n.stored
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(stored)s::bigint[]) AS n (topic, partition, stored)
