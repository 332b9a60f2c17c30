-- The ages, in transactions and in multixacts, of the oldest unfrozen rows: of the schema's tables, and of
-- the database. A table's age is the greater one of its own and that of its TOAST table.
SELECT
    f.table_name,
    f.xids,
    f.multixacts,
    pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint AS xids_limit,
    pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::bigint AS multixacts_limit
FROM (
    SELECT
        c.relname AS table_name,
        greatest(pg_catalog.age(c.relfrozenxid), pg_catalog.age(t.relfrozenxid))::bigint AS xids,
        greatest(pg_catalog.mxid_age(c.relminmxid), pg_catalog.mxid_age(t.relminmxid))::bigint AS multixacts
    FROM pg_catalog.pg_class AS c
    LEFT JOIN pg_catalog.pg_class AS t ON c.reltoastrelid = t.oid
    WHERE
        c.relkind IN ('r', 'm')
        AND c.relpersistence <> 't'
        AND c.oid = any(relations_of(%(schema)s)::oid [])
    UNION ALL
    SELECT
        NULL,
        pg_catalog.age(d.datfrozenxid),
        pg_catalog.mxid_age(d.datminmxid)
    FROM pg_catalog.pg_database AS d
    WHERE d.datname = pg_catalog.current_database()
) AS f
WHERE f.xids >= %(xids)s OR f.multixacts >= %(xids)s
ORDER BY greatest(f.xids, f.multixacts) DESC, f.table_name ASC
