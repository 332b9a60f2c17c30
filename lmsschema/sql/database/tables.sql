-- The columns of the tables of a schema, without partitions and lmsschema's own.
SELECT
    c.relname AS table_name,
    a.attname AS column_name,
    a.attnum AS number
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE
    c.oid = any(relations_of({schema})::oid [])
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND c.relname NOT IN ('lmsschema_version', 'lmsschema_settings')
ORDER BY c.relname, a.attnum
