SELECT count(*) AS published,
       (percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY
           greatest(0, extract(epoch FROM {published_at} - {created_at}) * 1000)::bigint)) AS lags_ms
FROM {table}
WHERE {published_at} >= statement_timestamp() - make_interval(secs => %(window_ms)s / 1000.0)
