-- Partitions of a schema whose detach was interrupted.
SELECT
    parent.relname AS table_name,
    c.relname AS partition_name
FROM pg_catalog.pg_inherits AS h
INNER JOIN pg_catalog.pg_class AS c ON h.inhrelid = c.oid
INNER JOIN pg_catalog.pg_class AS parent ON h.inhparent = parent.oid
WHERE
    h.inhdetachpending
    AND parent.oid = any(relations_of(%(schema)s)::oid [])
ORDER BY parent.relname, c.relname
