-- The partitions of a table, each with its index that is attached to the table's index, if any.
SELECT
    c.relname AS partition_name,
    c.relkind = 'p' AS is_partitioned,
    i.relname AS index_name,
    coalesce(x.indisvalid, FALSE) AS valid
FROM pg_catalog.pg_class AS p
INNER JOIN pg_catalog.pg_inherits AS h ON p.oid = h.inhparent AND NOT h.inhdetachpending
INNER JOIN pg_catalog.pg_class AS c ON h.inhrelid = c.oid
LEFT JOIN pg_catalog.pg_class AS pi ON p.relnamespace = pi.relnamespace AND pi.relname = %(index)s
LEFT JOIN pg_catalog.pg_index AS x
    ON
        c.oid = x.indrelid
        AND x.indexrelid IN (SELECT ih.inhrelid FROM pg_catalog.pg_inherits AS ih WHERE ih.inhparent = pi.oid)
LEFT JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
WHERE p.relnamespace = schema_oid(pg_catalog.current_schema()) AND p.relname = %(table)s
ORDER BY c.relname
