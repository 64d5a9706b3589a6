SELECT gid, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::bigint AS age_ms
FROM pg_prepared_xacts
ORDER BY prepared
