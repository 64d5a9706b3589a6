SELECT {message_id}::text AS id,
       CASE WHEN %(has_processed_at)s THEN {processed_at}::text::timestamptz END AS processed_at,
       CASE WHEN %(has_partition)s THEN {partition}::text END AS partition,
       CASE WHEN %(has_offset)s THEN {offset}::text END AS offset,
       CASE WHEN %(has_consumer_group)s THEN {consumer_group}::text END AS consumer_group
FROM {table}
WHERE {message_id} = ANY(%(ids)s) AND (%(group)s::text IS NULL OR {consumer_group}::text = %(group)s)
