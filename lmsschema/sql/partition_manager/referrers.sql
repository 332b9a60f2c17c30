-- The foreign keys that refer to a table: rows of it can't be moved without setting them off.
SELECT
    k.conname AS name,
    c.relname AS table_name
FROM pg_catalog.pg_constraint AS k
INNER JOIN pg_catalog.pg_class AS r ON k.confrelid = r.oid
INNER JOIN pg_catalog.pg_namespace AS n ON r.relnamespace = n.oid
INNER JOIN pg_catalog.pg_class AS c ON k.conrelid = c.oid
WHERE n.nspname = %(schema)s AND r.relname = %(table)s AND k.contype = 'f' AND k.conparentid = 0
