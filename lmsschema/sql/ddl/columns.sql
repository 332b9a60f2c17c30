-- The columns of a table, or of its partitions, by name.
SELECT
    a.attname AS name,
    a.attnotnull AS not_null,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = pg_catalog.current_schema() AND c.relname = %(table)s
