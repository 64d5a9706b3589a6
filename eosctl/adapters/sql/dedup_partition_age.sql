SELECT count(*) AS rows, max({processed_at})::text::timestamptz AS newest_at,
       coalesce(max({processed_at})::text::timestamptz < LEAST(%(cutoff)s::timestamptz,
                now() - %(age_ms)s * interval '1 millisecond'), true) AS expired
FROM {table}
