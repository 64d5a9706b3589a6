SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS all_stats, pg_is_in_recovery() AS in_recovery,
       (SELECT count(*) FROM pg_publication_tables) AS published
