SELECT objid::int AS lane, pid, pid = pg_backend_pid() AS mine
FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = ((%(space)s::bigint) & 4294967295)::oid
