-- What a partitioned table is, what time it is, and every partition that the table has, as arrays:
-- a row each would cost more to send and to read than to find. A bound has no column in it: with 0
-- PostgreSQL need not open, and lock, every partition to print it. A row for each of the schemas that
-- have such a table.
SELECT
    n.nspname::text AS schema_name,
    pg_catalog.clock_timestamp() AS at,
    p.relkind::text AS kind,
    k.partstrat::text AS strategy,
    k.partnatts AS key_columns,
    a.attname AS key,
    pg_catalog.format_type(a.atttypid, null) AS key_type,
    pg_catalog.obj_description(p.oid, 'pg_class') AS comment,
    -- whether a move of the default's rows is under way, or was interrupted
    EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE
            c.relnamespace = p.relnamespace
            AND c.relname IN (%(copy)s, %(log)s)
            AND pg_catalog.obj_description(c.oid, 'pg_class') = %(mark)s
    ) AS unfinished,
    EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE
            c.relnamespace = p.relnamespace
            AND c.relname = %(default)s
            AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition
    ) AS default_detached,
    ARRAY(
        SELECT c.relname::text
        FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid ORDER BY i.inhrelid
    ) AS partitions,
    ARRAY(
        SELECT pg_catalog.pg_get_expr(c.relpartbound, 0)
        FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid ORDER BY i.inhrelid
    ) AS bounds,
    ARRAY(
        SELECT c.relname::text
        FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid AND i.inhdetachpending
    ) AS detach_pending,
    -- null: the table's own
    ARRAY(
        SELECT CASE WHEN c.relnamespace <> p.relnamespace THEN c.relnamespace::regnamespace::text END
        FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid ORDER BY i.inhrelid
    ) AS other_schemas,
    ARRAY(
        SELECT
            CASE
                WHEN c.relkind = 'p' THEN 'partitioned table'
                WHEN c.relkind = 'f' THEN 'foreign table'
                WHEN c.relpersistence = 'u' THEN 'unlogged table'
                ELSE 'table'
            END
        FROM pg_catalog.pg_inherits AS i INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid ORDER BY i.inhrelid
    ) AS kinds
FROM pg_catalog.pg_namespace AS n
INNER JOIN pg_catalog.pg_class AS p ON n.oid = p.relnamespace AND p.relname = %(table)s
LEFT JOIN pg_catalog.pg_partitioned_table AS k ON p.oid = k.partrelid
LEFT JOIN pg_catalog.pg_attribute AS a ON p.oid = a.attrelid AND k.partattrs[0] = a.attnum
WHERE n.nspname = ANY(%(schemas)s)
