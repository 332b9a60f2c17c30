-- Which of these names a relation, a type or a function of the schema has already.
SELECT
    CASE
        WHEN c.relkind IN ('r', 'p', 'f') THEN 'table'
        WHEN c.relkind IN ('i', 'I') THEN 'index'
        WHEN c.relkind = 'S' THEN 'sequence'
        ELSE 'view'
    END AS kind,
    c.relname AS name
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = any(%(names)s) AND c.relkind <> 'c'
UNION ALL
SELECT 'type' AS kind, t.typname AS name
FROM pg_catalog.pg_type AS t
LEFT JOIN pg_catalog.pg_class AS c ON t.typrelid = c.oid
WHERE t.typnamespace = schema_oid(%(schema)s) AND t.typname = any(%(names)s) AND coalesce(c.relkind, 'c') = 'c'
UNION ALL
SELECT 'function' AS kind, p.proname AS name
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = schema_oid(%(schema)s) AND p.proname = any(%(functions)s)
ORDER BY kind DESC, name
