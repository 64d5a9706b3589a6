UPDATE {table} AS t SET {committed_offset} = n.stored, {updated_at} = clock_timestamp()
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(stored)s::bigint[]) AS n (topic, partition, stored)
WHERE t.{consumer_group} = %(group)s AND t.{topic} = n.topic AND t.{partition} = n.partition
