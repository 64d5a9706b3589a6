SELECT t.tgname AS name, p.proname AS function, pg_get_functiondef(p.oid) ~ 'eosctl_outbox' AS notifies,
       t.tgenabled <> 'D' AS enabled
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass(%(name)s) AND NOT t.tgisinternal
ORDER BY t.tgname
