-- The tables of a schema that lmsschema once detached from a table, with their comments.
SELECT
    c.relname AS name,
    pg_catalog.obj_description(c.oid, 'pg_class') AS note
FROM pg_catalog.pg_class AS c
WHERE
    c.oid = any(relations_of(%(schema)s)::oid [])
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND pg_catalog.obj_description(c.oid, 'pg_class') LIKE '%%lmsschema: detached from %%'
ORDER BY c.relname
