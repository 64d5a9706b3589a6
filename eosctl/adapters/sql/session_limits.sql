SELECT set_config('lock_timeout', %(limit_ms)s, false)
