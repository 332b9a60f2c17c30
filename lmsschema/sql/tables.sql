-- The tables of a schema, without partitions and the version table.
SELECT c.relname AS name
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
WHERE
    n.nspname = {schema}
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND c.relname <> 'lmsschema_version'
ORDER BY c.relname
