-- What making a partition touches: the tables that the partitioned table's foreign keys refer to
-- (and whether the role may lock them, or have keys refer to them), the storage parameters of its newest
-- partition.
SELECT
    p.relreplident = 'i' AS identity_by_index,
    (
        SELECT coalesce(pg_catalog.jsonb_agg(t), '[]')
        FROM (
            SELECT DISTINCT
                rn.nspname AS schema,
                r.relname AS table,
                pg_catalog.has_table_privilege(r.oid, 'UPDATE, DELETE, TRUNCATE') AS may_lock,
                pg_catalog.has_any_column_privilege(r.oid, 'REFERENCES') AS may_refer
            FROM pg_catalog.pg_constraint AS f
            INNER JOIN pg_catalog.pg_class AS r ON f.confrelid = r.oid
            INNER JOIN pg_catalog.pg_namespace AS rn ON r.relnamespace = rn.oid
            WHERE f.conrelid = p.oid AND f.contype = 'f' AND f.confrelid <> p.oid AND f.conparentid = 0
            ORDER BY rn.nspname, r.relname
        ) AS t
    ) AS referenced,
    (
        SELECT settable_options(c.reloptions)
        FROM pg_catalog.pg_inherits AS i
        INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid
        WHERE i.inhparent = p.oid AND NOT i.inhdetachpending AND pg_catalog.pg_get_expr(c.relpartbound, 0) <> 'DEFAULT'
        ORDER BY c.oid DESC
        LIMIT 1
    ) AS storage
FROM pg_catalog.pg_class AS p
WHERE p.relnamespace = schema_oid(%(schema)s) AND p.relname = %(table)s
