SELECT set_config('lock_timeout', %(limit_ms)s, false), set_config('TimeZone', 'UTC', false)
