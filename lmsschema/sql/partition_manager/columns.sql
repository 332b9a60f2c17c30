-- The columns of a table that a row is inserted with, in order.
SELECT a.attname AS name
FROM pg_catalog.pg_attribute AS a
INNER JOIN pg_catalog.pg_class AS c ON a.attrelid = c.oid
WHERE
    c.relnamespace = schema_oid(%(schema)s)
    AND c.relname = %(table)s
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND a.attgenerated = ''
ORDER BY a.attnum
