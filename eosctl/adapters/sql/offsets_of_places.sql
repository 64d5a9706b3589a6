-- several rows of one place that differ, as in a history, say nothing certain: they are left out, and so is NULL
SELECT t.{consumer_group}::text AS consumer_group, t.{topic}::text AS topic, t.{partition}::int AS partition,
       min(t.{committed_offset})::bigint AS stored
FROM {table} AS t
JOIN unnest(%(groups)s::text[], %(topics)s::text[], %(partitions)s::int[]) AS n (consumer_group, topic, partition)
  ON t.{consumer_group} = n.consumer_group AND t.{topic} = n.topic AND t.{partition} = n.partition
GROUP BY 1, 2, 3
HAVING min(t.{committed_offset}) = max(t.{committed_offset}) AND count(t.{committed_offset}) = count(*)
