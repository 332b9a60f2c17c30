-- The foreign keys of a partitioned table, and which of them a table beside it has too.
SELECT
    k.conname AS name,
    pg_catalog.pg_get_constraintdef(k.oid) AS definition,
    rn.nspname AS referenced_schema,
    r.relname AS referenced_table,
    own.conname AS own_name,
    own.convalidated AS own_validated,
    pg_catalog.has_table_privilege(r.oid, 'UPDATE, DELETE, TRUNCATE') AS may_lock
FROM pg_catalog.pg_class AS p
INNER JOIN pg_catalog.pg_constraint AS k ON p.oid = k.conrelid AND k.contype = 'f' AND k.conparentid = 0
INNER JOIN pg_catalog.pg_class AS r ON k.confrelid = r.oid
INNER JOIN pg_catalog.pg_namespace AS rn ON r.relnamespace = rn.oid
INNER JOIN pg_catalog.pg_class AS c ON c.relnamespace = p.relnamespace AND c.relname = %(partition)s
LEFT JOIN pg_catalog.pg_constraint AS own
    ON
        c.oid = own.conrelid
        AND own.contype = 'f'
        AND own.confrelid = k.confrelid
        AND pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(own.oid), ' NOT VALID$', '')
        = pg_catalog.pg_get_constraintdef(k.oid)
WHERE p.relnamespace = schema_oid(%(schema)s) AND p.relname = %(table)s
ORDER BY rn.nspname, r.relname, k.conname
