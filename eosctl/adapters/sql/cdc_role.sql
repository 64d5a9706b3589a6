SELECT r.rolcanlogin AS logs_in, r.rolreplication OR r.rolsuper AS replicates,
       has_table_privilege(r.oid, c.oid, 'SELECT') AND has_schema_privilege(r.oid, c.relnamespace, 'USAGE') AS selects,
       has_database_privilege(r.oid, current_database(), 'CREATE') AND pg_has_role(r.oid, c.relowner, 'USAGE')
       AS makes_publications
FROM pg_roles r, pg_class c WHERE r.rolname = %(role)s AND c.oid = to_regclass(%(name)s)
