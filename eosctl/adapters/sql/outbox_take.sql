SELECT o.{id} AS id, coalesce(o.{aggregate_type}::text, '') AS aggregate_type, coalesce(o.{aggregate_id}::text, '') AS aggregate_id,
       coalesce(o.{event_type}::text, '') AS event_type, o.{payload}::text AS payload, o.{created_at}::timestamptz AS created_at,
       coalesce(o.{retry_count}, 0) AS retry_count, true AS locked
FROM {table} o
WHERE o.{published_at} IS NULL
  AND (hashtext(coalesce(o.{aggregate_type}::text, '') || '/' || coalesce(o.{aggregate_id}::text, '')) & 63) = ANY(%(lanes)s)
  AND NOT EXISTS (
      SELECT FROM unnest(%(held_types)s::text[], %(held_ids)s::text[]) AS held(aggregate_type, aggregate_id)
      WHERE held.aggregate_type = coalesce(o.{aggregate_type}::text, '') AND held.aggregate_id = coalesce(o.{aggregate_id}::text, ''))
ORDER BY o.{created_at}, o.{id}
LIMIT %(limit)s
FOR UPDATE OF o NOWAIT
