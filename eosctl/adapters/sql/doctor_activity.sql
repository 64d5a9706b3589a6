SELECT pid, (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::bigint AS age_ms
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY xact_start
