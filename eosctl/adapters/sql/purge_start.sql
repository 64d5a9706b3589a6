SELECT clock_timestamp() AS started_at, now() - %(age_ms)s * interval '1 millisecond' AS cutoff
