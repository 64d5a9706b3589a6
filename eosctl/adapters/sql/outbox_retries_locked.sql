SELECT {id}::text AS id, coalesce({retry_count}, 0) AS retry_count, {last_error} AS last_error, {published_at} IS NOT NULL AS published
FROM {table} WHERE {id} = ANY(%(ids)s) ORDER BY {id} FOR UPDATE
