-- Every schema that has a version table, and whether the role may read it.
SELECT
    n.nspname::text AS schema_name,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS is_readable
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE c.relname = 'lmsschema_version' AND c.relkind = 'r' AND c.relpersistence <> 't'
ORDER BY n.nspname
