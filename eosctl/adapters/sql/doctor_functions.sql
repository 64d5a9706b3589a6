SELECT format('%%I.%%I', n.nspname, p.proname) AS name
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND p.prosrc ~* ('insert\s+into\s+([\w"]+\.)?"?' || %(pattern)s || '\M')
  AND p.prosrc ~* ('from\s+([\w"]+\.)?"?' || %(pattern)s || '\M')
  AND p.prosrc !~* 'on\s+conflict'
ORDER BY 1
