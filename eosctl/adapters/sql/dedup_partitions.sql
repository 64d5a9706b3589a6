SELECT n.nspname AS schema, c.relname AS name,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$ TO \('([^']+)'$re$) AS until
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = to_regclass(%(name)s)
ORDER BY until NULLS LAST, c.relname
