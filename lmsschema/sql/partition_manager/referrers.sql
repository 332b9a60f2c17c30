-- The foreign keys that refer to a table, with their columns: rows of it can't be moved or detached
-- without setting them off.
SELECT
    k.conname AS name,
    c.relname AS table_name,
    cn.nspname AS table_schema,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        INNER JOIN pg_catalog.pg_attribute AS a ON k.conrelid = a.attrelid AND u.number = a.attnum
        ORDER BY u.place
    ) AS own_columns,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (number, place)
        INNER JOIN pg_catalog.pg_attribute AS a ON k.confrelid = a.attrelid AND u.number = a.attnum
        ORDER BY u.place
    ) AS referenced_columns
FROM pg_catalog.pg_constraint AS k
INNER JOIN pg_catalog.pg_class AS r ON k.confrelid = r.oid
INNER JOIN pg_catalog.pg_namespace AS n ON r.relnamespace = n.oid
INNER JOIN pg_catalog.pg_class AS c ON k.conrelid = c.oid
INNER JOIN pg_catalog.pg_namespace AS cn ON c.relnamespace = cn.oid
WHERE n.nspname = %(schema)s AND r.relname = %(table)s AND k.contype = 'f' AND k.conparentid = 0
ORDER BY cn.nspname, c.relname, k.conname
