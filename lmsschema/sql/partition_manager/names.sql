-- The indexes and constraints of a table whose names begin with the table's own.
SELECT
    'index' AS kind,
    x.relname AS name
FROM pg_catalog.pg_index AS i
INNER JOIN pg_catalog.pg_class AS c ON i.indrelid = c.oid
INNER JOIN pg_catalog.pg_class AS x ON i.indexrelid = x.oid
WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = %(table)s AND pg_catalog.starts_with(x.relname, c.relname || '_')
UNION ALL
SELECT
    'constraint' AS kind,
    k.conname AS name
FROM pg_catalog.pg_constraint AS k
INNER JOIN pg_catalog.pg_class AS c ON k.conrelid = c.oid
WHERE
    c.relnamespace = schema_oid(%(schema)s)
    AND c.relname = %(table)s
    AND k.conindid = 0
    AND k.conparentid = 0
    AND pg_catalog.starts_with(k.conname, c.relname || '_')
