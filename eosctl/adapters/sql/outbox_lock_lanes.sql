SELECT lane FROM unnest(%(lanes)s::int[]) AS lane WHERE pg_try_advisory_lock(%(space)s::int, lane)
