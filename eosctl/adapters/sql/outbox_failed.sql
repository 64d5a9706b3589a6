SELECT {id}::text AS id, {aggregate_type}::text AS aggregate_type, {aggregate_id}::text AS aggregate_id,
       {created_at} AS created_at, {retry_count} AS retry_count, {last_error} AS last_error,
       {published_at} IS NOT NULL AS published,
       EXISTS (SELECT FROM {table} AS later
               WHERE later.{aggregate_type} = o.{aggregate_type} AND later.{aggregate_id} = o.{aggregate_id}
                 AND later.{created_at} >= o.{created_at} AND later.{id} <> o.{id}
                 AND (later.{created_at}, later.{id}) > (o.{created_at}, o.{id})
                 AND later.{published_at} IS NOT NULL) AS overtaken
FROM {table} AS o
WHERE {published_at} IS NULL AND {retry_count} >= %(min_retries)s AND {last_error} IS NOT NULL
ORDER BY {created_at}, {id}
LIMIT %(limit)s
