SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY(%(names)s)
