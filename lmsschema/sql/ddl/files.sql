-- The files of a table and of its indexes.
SELECT
    i.relname AS name,
    pg_catalog.pg_relation_filenode(i.oid) AS file
FROM pg_catalog.pg_class AS c
CROSS JOIN
    LATERAL (
        SELECT c.oid
        UNION ALL
        SELECT x.indexrelid FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid
    ) AS f (oid)
INNER JOIN pg_catalog.pg_class AS i ON f.oid = i.oid
WHERE c.relnamespace = schema_oid(pg_catalog.current_schema()) AND c.relname = %(table)s
ORDER BY i.relname
