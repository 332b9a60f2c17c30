-- The columns of a table's primary key, in order.
SELECT a.attname AS name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_index AS i ON c.oid = i.indrelid AND i.indisprimary
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
INNER JOIN pg_catalog.pg_attribute AS a ON c.oid = a.attrelid AND k.attnum = a.attnum
WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = %(table)s
ORDER BY k.place
