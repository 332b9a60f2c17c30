-- The files of a table and of its indexes.
SELECT
    i.relname AS name,
    pg_catalog.pg_relation_filenode(i.oid) AS file
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_class AS i
    ON c.oid = i.oid OR i.oid IN (SELECT x.indexrelid FROM pg_catalog.pg_index AS x WHERE x.indrelid = c.oid)
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = pg_catalog.current_schema() AND c.relname = %(table)s
ORDER BY i.relname
