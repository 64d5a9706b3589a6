DELETE FROM {table} AS t
USING unnest(%(topics)s::text[], %(partitions)s::int[]) AS n (topic, partition)
WHERE t.{consumer_group} = %(group)s AND t.{topic} = n.topic AND t.{partition} = n.partition
