SELECT pg_is_in_recovery() AS replica, current_setting('transaction_read_only')::bool AS read_only,
       has_table_privilege(to_regclass(%(name)s), 'SELECT') AS may_select,
       has_table_privilege(to_regclass(%(name)s), 'DELETE') AS may_delete,
       pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(%(name)s)), 'USAGE') AS owns,
       current_user AS user, now() AS now
