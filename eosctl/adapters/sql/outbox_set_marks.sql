UPDATE {table} AS o SET {published_at} = wanted.published_at::timestamptz
FROM unnest(%(ids)s::text[], %(marks)s::text[]) AS wanted(id, published_at)
WHERE o.{id}::text = wanted.id
