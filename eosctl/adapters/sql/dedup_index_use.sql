SELECT coalesce(sum(idx_scan), 0)::bigint AS scans FROM pg_stat_all_indexes
WHERE indexrelid = to_regclass(%(name)s)
   OR indexrelid IN (SELECT relid FROM pg_partition_tree(to_regclass(%(name)s)))
