-- a commit from before the last start may not be tracked: then the row is at least as old as that start
SELECT {topic}::text AS topic, {partition}::int AS partition,
       greatest(0, extract(epoch FROM clock_timestamp()
         - coalesce(pg_xact_commit_timestamp(xmin), pg_postmaster_start_time())) * 1000)::bigint AS age_ms
FROM {table} WHERE {consumer_group} = %(group)s
