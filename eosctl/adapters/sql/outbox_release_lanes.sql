SELECT lane, pg_advisory_unlock(%(space)s::int, lane) FROM unnest(%(lanes)s::int[]) AS lane
