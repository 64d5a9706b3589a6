SELECT p.pubinsert AS inserts, p.pubviaroot AS via_root,
       EXISTS (SELECT FROM pg_publication_tables t WHERE t.pubname = p.pubname
               AND to_regclass(quote_ident(t.schemaname) || '.' || quote_ident(t.tablename)) IN (
                   SELECT to_regclass(%(name)s) UNION ALL SELECT relid FROM pg_partition_tree(to_regclass(%(name)s))))
       AS has_table
FROM pg_publication p WHERE p.pubname = %(publication)s
