SELECT a.pid, coalesce(host(a.client_addr), 'local') AS address, a.backend_start AS since, a.pid = pg_backend_pid() AS mine
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(%(key)s, 0)
