SELECT current_setting('wal_level') AS wal_level, current_setting('max_slot_wal_keep_size') AS max_slot_wal_keep_size,
       current_database() AS database
