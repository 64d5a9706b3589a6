WITH wanted AS MATERIALIZED (
    SELECT o.{id} AS id, coalesce(o.{aggregate_type}::text, '') AS aggregate_type, coalesce(o.{aggregate_id}::text, '') AS aggregate_id,
           o.{created_at}::timestamptz AS created_at, coalesce(o.{retry_count}, 0) AS retry_count
    FROM {table} o
    WHERE o.{published_at} IS NULL
      AND (hashtext(coalesce(o.{aggregate_type}::text, '') || '/' || coalesce(o.{aggregate_id}::text, '')) & 63) = ANY(%(lanes)s)
      AND NOT EXISTS (
          SELECT FROM unnest(%(held_types)s::text[], %(held_ids)s::text[]) AS held(aggregate_type, aggregate_id)
          WHERE held.aggregate_type = coalesce(o.{aggregate_type}::text, '') AND held.aggregate_id = coalesce(o.{aggregate_id}::text, ''))
    ORDER BY o.{created_at}, o.{id}
    LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT o.{id} AS id, coalesce(o.{event_type}::text, '') AS event_type, o.{payload}::text AS payload
    FROM {table} o
    WHERE o.{id} = ANY(ARRAY(SELECT id FROM wanted)) AND o.{published_at} IS NULL
    FOR UPDATE SKIP LOCKED
)
SELECT wanted.id, wanted.aggregate_type, wanted.aggregate_id, coalesce(locked.event_type, '') AS event_type,
       locked.payload, wanted.created_at, wanted.retry_count, locked.id IS NOT NULL AS locked
FROM wanted LEFT JOIN locked USING (id)
ORDER BY wanted.created_at, wanted.id
