WITH parts AS (
    SELECT to_regclass(%(name)s)::oid AS oid UNION
    SELECT relid FROM pg_partition_tree(to_regclass(%(name)s)) WHERE isleaf)
SELECT coalesce(sum(greatest(c.reltuples, s.n_live_tup, 0)), 0)::bigint AS estimated_rows,
       coalesce(sum(pg_table_size(c.oid)), 0)::bigint AS table_bytes,
       coalesce(sum(pg_indexes_size(c.oid)), 0)::bigint AS index_bytes,
       coalesce(sum(s.n_live_tup), 0)::bigint AS live_rows,
       coalesce(sum(s.n_dead_tup), 0)::bigint AS dead_rows,
       coalesce(sum(s.n_tup_del), 0)::bigint AS deleted_rows,
       max(greatest(s.last_vacuum, s.last_autovacuum)) AS vacuumed_at,
       now() AS now
FROM parts p JOIN pg_class c ON c.oid = p.oid AND c.relkind <> 'p'
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
