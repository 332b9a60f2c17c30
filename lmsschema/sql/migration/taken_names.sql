-- Which of these names a table or a type of the schema has already.
SELECT 'table' AS kind, c.relname AS name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = %(schema)s AND c.relname = any(%(tables)s)
UNION ALL
SELECT 'type' AS kind, t.typname AS name
FROM pg_catalog.pg_type AS t
INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
WHERE n.nspname = %(schema)s AND t.typname = any(%(types)s)
ORDER BY kind, name
