SELECT s.slot_name AS name, s.active, s.plugin, s.wal_status, s.safe_wal_size AS safe_wal_bytes,
       s.confirmed_flush_lsn::text AS confirmed_lsn,
       (pg_current_wal_lsn() - s.restart_lsn)::bigint AS retained_bytes,
       (pg_current_wal_lsn() - s.confirmed_flush_lsn)::bigint AS unconfirmed_bytes,
       (to_jsonb(s) ->> 'inactive_since')::timestamptz AS inactive_since,
       (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS wal_bytes, clock_timestamp() AS now
FROM pg_replication_slots s WHERE s.slot_name = %(slot)s AND s.database = current_database()
