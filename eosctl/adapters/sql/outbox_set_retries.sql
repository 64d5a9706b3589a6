UPDATE {table} AS o SET {retry_count} = wanted.retry_count, {last_error} = wanted.last_error
FROM unnest(%(ids)s::text[], %(counts)s::int[], %(errors)s::text[]) AS wanted(id, retry_count, last_error)
WHERE o.{id}::text = wanted.id AND o.{published_at} IS NULL
