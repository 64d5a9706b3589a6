SELECT r.application_name AS name, (extract(epoch FROM r.replay_lag) * 1000)::bigint AS lag_ms
FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
WHERE s.slot_type IS DISTINCT FROM 'logical'
ORDER BY r.application_name
