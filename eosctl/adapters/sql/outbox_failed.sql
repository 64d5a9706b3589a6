SELECT {id}::text AS id, coalesce({aggregate_type}::text, '') AS aggregate_type, coalesce({aggregate_id}::text, '') AS aggregate_id,
       {created_at}::timestamptz AS created_at, coalesce({retry_count}, 0) AS retry_count, {last_error} AS last_error,
       {published_at} IS NOT NULL AS published,
       EXISTS (SELECT FROM {table} AS later
               WHERE later.{aggregate_type} = o.{aggregate_type} AND later.{aggregate_id} = o.{aggregate_id}
                 AND later.{created_at} >= o.{created_at} AND later.{id} <> o.{id}
                 AND (later.{created_at}, later.{id}) > (o.{created_at}, o.{id})
                 AND later.{published_at} IS NOT NULL) AS overtaken
FROM {table} AS o
WHERE {published_at} IS NULL AND coalesce({retry_count}, 0) >= %(min_retries)s
ORDER BY {created_at}, {id}
LIMIT %(limit)s
