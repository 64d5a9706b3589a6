SELECT DISTINCT kind FROM (SELECT {aggregate_type}::text AS kind FROM {table} LIMIT 10000) AS sampled ORDER BY kind LIMIT 200
