-- The indexes of a table's partitions that belong to no index of the table and to no constraint.
SELECT
    c.relname AS partition_name,
    i.relname AS index_name
FROM pg_catalog.pg_class AS p
INNER JOIN pg_catalog.pg_namespace AS n ON p.relnamespace = n.oid
INNER JOIN pg_catalog.pg_inherits AS h ON p.oid = h.inhparent
INNER JOIN pg_catalog.pg_class AS c ON h.inhrelid = c.oid
INNER JOIN pg_catalog.pg_index AS x ON c.oid = x.indrelid
INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
WHERE
    n.nspname = pg_catalog.current_schema()
    AND p.relname = %(table)s
    AND i.relkind = 'i'
    AND NOT i.relispartition
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE i.oid = k.conindid)
ORDER BY c.relname, i.relname
