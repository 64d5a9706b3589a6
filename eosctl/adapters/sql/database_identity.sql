SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system, current_database() AS database
