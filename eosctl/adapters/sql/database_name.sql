SELECT current_database() AS database, inet_server_addr()::text AS host, current_setting('port') AS port
