SELECT count(*) AS rows FROM (
    SELECT FROM {table}
    WHERE {processed_at} >= COALESCE(%(first)s::timestamptz, '-infinity') AND {processed_at} < %(until)s::timestamptz
    LIMIT %(limit)s) AS found
