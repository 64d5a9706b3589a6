SELECT a.pid, a.application_name AS application, coalesce(a.client_addr::text, 'local') AS client,
       CASE WHEN bool_or(l.mode = 'RowShareLock') THEN 'locks rows' ELSE 'writes' END AS does,
       a.state, (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::bigint AS transaction_age_ms
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.relation = to_regclass(%(name)s) AND l.mode IN ('RowShareLock', 'RowExclusiveLock') AND l.granted
  AND l.pid <> pg_backend_pid()
GROUP BY a.pid, a.application_name, a.client_addr, a.state, a.xact_start
ORDER BY 4, 1
