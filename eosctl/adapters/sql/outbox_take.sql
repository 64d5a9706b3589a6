SELECT o.{id} AS id, o.{aggregate_type}::text AS aggregate_type, o.{aggregate_id}::text AS aggregate_id,
       o.{event_type}::text AS event_type, o.{payload}::text AS payload, o.{created_at} AS created_at,
       o.{retry_count} AS retry_count, true AS locked
FROM {table} o
WHERE o.{published_at} IS NULL
  AND (hashtext(o.{aggregate_type}::text || '/' || o.{aggregate_id}::text) & 63) = ANY(%(lanes)s)
  AND NOT EXISTS (
      SELECT FROM unnest(%(held_types)s::text[], %(held_ids)s::text[]) AS held(aggregate_type, aggregate_id)
      WHERE held.aggregate_type = o.{aggregate_type}::text AND held.aggregate_id = o.{aggregate_id}::text)
ORDER BY o.{created_at}, o.{id}
LIMIT %(limit)s
FOR UPDATE OF o NOWAIT
