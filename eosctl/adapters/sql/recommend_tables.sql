SELECT n.nspname AS schema, c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       EXISTS (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = c.relname)
         AS published
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_toast%%'
GROUP BY n.nspname, c.relname
HAVING array_agg(a.attname::text) && ARRAY['message_id', 'idempotency_key', 'fingerprint', 'aggregate_id', 'aggregateid', 'consumer_group']
ORDER BY n.nspname, c.relname
LIMIT 1000
