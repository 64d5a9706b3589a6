SELECT coalesce((SELECT sum(n_tup_upd) FROM pg_stat_user_tables
                 WHERE relid = to_regclass(%(name)s)
                 OR relid IN (SELECT relid FROM pg_partition_tree(to_regclass(%(name)s)))), 0)::bigint AS updates,
       (SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1000 AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = (hashtext('eosctl outbox ' || to_regclass(%(name)s)::oid::text)::bigint & 4294967295)::oid)::int
       AS relays
