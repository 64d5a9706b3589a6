SELECT {id}::text AS id, to_char({published_at}::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS published_at
FROM {table} WHERE {id}::text = ANY(%(ids)s)
