SELECT pg_try_advisory_lock_shared(%(space)s::int, 1000) AS joined
