-- The columns of an enum in tables and partitioned tables, with the names of what stands in for them
-- while a label is removed. No two are the same; and but for the trigger's, which a detach takes away
-- with the trigger, they are the same ones for a partition that is detached meanwhile.
SELECT
    t.oid AS type_oid,
    t.typname AS type_name,
    concat(pg_catalog.left(t.typname, 12), '_new_', t.oid) AS new_type,
    c.oid AS table_oid,
    c.relname AS table_name,
    c.relkind = 'p' AS is_partitioned,
    a.attname AS column_name,
    a.attnum AS column_number,
    x.new_column,
    a.attnotnull AS not_null,
    concat('lmsschema_new_', t.oid) AS check_name,
    concat('lmsschema_new_', t.oid, '_', c.oid) AS guard,
    EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS h
        WHERE h.attrelid = c.oid AND h.attname = x.new_column
    ) AS has_new,
    EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS g
        WHERE g.tgrelid = c.oid AND g.tgname = concat('~lmsschema_new_', t.oid, '_', c.oid) AND g.tgenabled = 'A'
    )
    AND EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.conrelid = c.oid AND k.conname = concat('lmsschema_new_', t.oid)
    ) AS is_guarded
FROM pg_catalog.pg_type AS t
INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
INNER JOIN pg_catalog.pg_attribute AS a ON t.oid = a.atttypid AND a.attnum > 0 AND NOT a.attisdropped
INNER JOIN pg_catalog.pg_class AS c
    ON a.attrelid = c.oid AND n.oid = c.relnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
CROSS JOIN LATERAL (
    SELECT
        concat(
            pg_catalog.left(a.attname, 12), '_new_', pg_catalog.left(pg_catalog.md5(concat(a.attname, '_', t.oid)), 8)
        ) AS new_column
) AS x
WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %(type)s
ORDER BY c.relname, a.attnum
