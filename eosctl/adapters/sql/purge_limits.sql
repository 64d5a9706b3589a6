SELECT set_config('statement_timeout', %(statement_timeout_ms)s::text, true),
       set_config('lock_timeout', %(lock_timeout_ms)s::text, true),
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true), set_config('jit', 'off', true)
