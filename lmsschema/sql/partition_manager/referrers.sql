-- The foreign keys that refer to a table, with their columns: rows of it can't be moved or detached
-- without setting them off.
SELECT
    k.conname AS name,
    c.relname AS table_name,
    cn.nspname AS table_schema,
    column_names(k.conrelid, k.conkey) AS own_columns,
    column_names(k.confrelid, k.confkey) AS referenced_columns
FROM pg_catalog.pg_constraint AS k
INNER JOIN pg_catalog.pg_class AS r ON k.confrelid = r.oid
INNER JOIN pg_catalog.pg_class AS c ON k.conrelid = c.oid
INNER JOIN pg_catalog.pg_namespace AS cn ON c.relnamespace = cn.oid
WHERE
    r.relnamespace = schema_oid(%(schema)s)
    AND r.relname = %(table)s
    AND k.oid = any(referring_to(r.oid)::oid [])
    AND k.contype = 'f'
    AND k.conparentid = 0
ORDER BY cn.nspname, c.relname, k.conname
