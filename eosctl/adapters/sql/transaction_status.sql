SELECT pg_xact_status(%(id)s::text::xid8) AS status
