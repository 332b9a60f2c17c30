-- The columns of the tables of the schema that names resolve in, partitions left out.
SELECT
    c.relname AS table_name,
    a.attname AS column_name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE
    c.oid = any(relations_of(pg_catalog.current_schema())::oid [])
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
ORDER BY c.relname, a.attnum
