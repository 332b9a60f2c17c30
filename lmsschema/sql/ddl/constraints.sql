-- The constraints of these names on a table and on its partitions; nulls where one is missing.
SELECT
    c.relname AS table_name,
    w.name,
    con.contype::text AS kind,
    con.convalidated AS validated,
    array(
        SELECT a.attname::text
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = con.conrelid AND a.attnum = any(con.conkey)
    ) AS columns,
    c.oid <> p.oid AS is_partition,
    c.relkind = 'p' AS is_partitioned,
    pg_catalog.pg_get_constraintdef(con.oid, TRUE) AS definition,
    pg_catalog.pg_get_expr(con.conbin, con.conrelid) AS expression
FROM pg_catalog.pg_class AS p
CROSS JOIN
    LATERAL (
        SELECT p.oid
        UNION ALL
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = p.oid
    ) AS t (oid)
INNER JOIN pg_catalog.pg_class AS c ON t.oid = c.oid
CROSS JOIN pg_catalog.unnest(%(names)s::text[]) AS w (name)
LEFT JOIN pg_catalog.pg_constraint AS con ON c.oid = con.conrelid AND con.contypid = 0 AND w.name = con.conname
WHERE p.relnamespace = schema_oid(pg_catalog.current_schema()) AND p.relname = %(table)s
ORDER BY c.oid <> p.oid DESC, c.relname, w.name
