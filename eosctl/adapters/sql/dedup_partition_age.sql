SELECT (SELECT greatest(c.reltuples, s.n_live_tup, 0)::bigint FROM pg_class c
        LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = to_regclass(%(name)s)) AS rows,
       found.newest AS newest_at,
       coalesce(found.newest < LEAST(%(cutoff)s::timestamptz, now() - %(age_ms)s * interval '1 millisecond'), true)
           AS expired
FROM (SELECT max({processed_at})::timestamptz AS newest FROM {table}) AS found
