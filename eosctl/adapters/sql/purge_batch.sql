WITH gone AS (
    DELETE FROM {table}
    WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM {table}
        WHERE {time} < LEAST(%(cutoff)s::timestamptz, now() - %(age_ms)s * interval '1 millisecond')
          AND {time} >= COALESCE(%(floor)s::timestamptz, '-infinity')
        ORDER BY {time} LIMIT %(batch_size)s))
      AND {time} < LEAST(%(cutoff)s::timestamptz, now() - %(age_ms)s * interval '1 millisecond')
    RETURNING {time}::timestamptz AS at)
SELECT count(*) AS deleted, max(at) AS reached FROM gone
