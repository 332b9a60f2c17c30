-- What a move of a default's rows has left: its tables, by their comment; and the table whose changes
-- its trigger function notes.
SELECT
    'copy' AS kind,
    c.relname AS name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE
    n.nspname = %(schema)s
    AND c.relkind = 'r'
    AND NOT c.relispartition
    AND pg_catalog.obj_description(c.oid, 'pg_class') = %(mark)s
UNION ALL
SELECT DISTINCT
    'noted' AS kind,
    c.relname AS name
FROM pg_catalog.pg_proc AS f
INNER JOIN pg_catalog.pg_namespace AS n ON f.pronamespace = n.oid
INNER JOIN pg_catalog.pg_trigger AS t ON f.oid = t.tgfoid
INNER JOIN pg_catalog.pg_class AS c ON t.tgrelid = c.oid AND c.relnamespace = n.oid
WHERE n.nspname = %(schema)s AND f.proname = %(log)s
ORDER BY 1, 2
