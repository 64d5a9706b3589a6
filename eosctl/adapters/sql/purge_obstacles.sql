SELECT (SELECT coalesce(max(extract(epoch FROM replay_lag) * 1000), 0)::bigint FROM pg_stat_replication)
           AS replica_lag_ms,
       (SELECT application_name FROM pg_stat_replication ORDER BY replay_lag DESC NULLS LAST LIMIT 1) AS replica,
       s.pid AS snapshot_pid, s.owner AS snapshot_owner, s.since AS snapshot_since
FROM (SELECT 1) AS one LEFT JOIN (
    SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type) AS owner, xact_start AS since
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL
      AND backend_type <> 'autovacuum worker' AND xact_start < %(started_at)s
    UNION ALL
    SELECT NULL, 'prepared transaction ' || gid, prepared
    FROM pg_prepared_xacts WHERE database = current_database() AND prepared < %(started_at)s
    ORDER BY since LIMIT 1) AS s ON true
