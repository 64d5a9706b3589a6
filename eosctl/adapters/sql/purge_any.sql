SELECT coalesce((SELECT min({time}) FROM {table})
                < LEAST(%(cutoff)s::timestamptz, now() - %(age_ms)s * interval '1 millisecond'), false) AS expired
