SELECT EXISTS (
    SELECT FROM {table} o
    WHERE o.{published_at} IS NULL
      AND (hashtext(coalesce(o.{aggregate_type}::text, '') || '/' || coalesce(o.{aggregate_id}::text, '')) & 63) = ANY(%(lanes)s)
      AND NOT EXISTS (
          SELECT FROM unnest(%(held_types)s::text[], %(held_ids)s::text[]) AS held(aggregate_type, aggregate_id)
          WHERE held.aggregate_type = coalesce(o.{aggregate_type}::text, '') AND held.aggregate_id = coalesce(o.{aggregate_id}::text, ''))
) AS found
