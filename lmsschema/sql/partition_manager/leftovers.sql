-- What a move of a default's rows has left: its tables, by their comment; and the table whose changes
-- its trigger function notes.
SELECT
    'copy' AS kind,
    c.relname AS name
FROM pg_catalog.pg_class AS c
WHERE
    c.oid = any(relations_of(%(schema)s)::oid [])
    AND c.relkind = 'r'
    AND NOT c.relispartition
    AND pg_catalog.obj_description(c.oid, 'pg_class') = %(mark)s
UNION ALL
SELECT DISTINCT
    'noted' AS kind,
    c.relname AS name
FROM pg_catalog.pg_proc AS f
-- pg_trigger has no index for its function, pg_depend has one
INNER JOIN pg_catalog.pg_depend AS d
    ON
        d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = d.refobjid
        AND d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
INNER JOIN pg_catalog.pg_trigger AS t ON d.objid = t.oid AND f.oid = t.tgfoid
INNER JOIN pg_catalog.pg_class AS c ON t.tgrelid = c.oid AND c.relnamespace = f.pronamespace
WHERE f.pronamespace = schema_oid(%(schema)s) AND f.proname = %(log)s
ORDER BY 1, 2
