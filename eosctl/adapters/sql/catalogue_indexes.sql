SELECT c.relname AS name, i.indisunique AS unique, i.indisprimary AS primary, i.indisvalid AS valid,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT coalesce(a.attname, pg_get_indexdef(i.indexrelid, k.position::int, true))
             FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
             WHERE k.position <= i.indnkeyatts
             ORDER BY k.position)::text[] AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %(oid)s::bigint::oid
ORDER BY c.relname
