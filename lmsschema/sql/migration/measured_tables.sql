-- The tables of a schema, or some of them, as the current transaction has them: locks that it holds, scans that it
-- made, files, columns, indexes; and what the triggers of the recorder told. Partitions come with the table that
-- they belong to. Columns and indexes are NULL where they are known and no lock is held: they are as they were.
SELECT
    c.oid::bigint AS id,
    coalesce(held.modes, '{}') AS modes,
    c.relname AS name,
    coalesce(p.relname, c.relname) AS whole,
    pg_catalog.pg_relation_filenode(c.oid) AS file,
    pg_catalog.pg_stat_get_xact_numscans(c.oid) AS scans,
    CASE
        WHEN held.relation IS NOT NULL OR c.oid <> all(%(known)s::oid [])
            THEN array(
                SELECT a.attnum
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            )
    END AS columns,
    CASE
        WHEN held.relation IS NOT NULL OR c.oid <> all(%(known)s::oid [])
            THEN array(
                SELECT i.relname::text
                FROM pg_catalog.pg_index AS x
                INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
                WHERE c.oid = x.indrelid
            )
    END AS indexes,
    pg_catalog.current_setting('lmsschema.wrote', TRUE) AS wrote
FROM pg_catalog.pg_class AS c
LEFT JOIN (
    SELECT
        l.relation,
        pg_catalog.array_agg(DISTINCT l.mode) AS modes
    FROM pg_catalog.pg_locks AS l
    WHERE
        l.locktype = 'relation'
        AND l.granted
        AND l.pid = pg_catalog.pg_backend_pid()
    GROUP BY l.relation
) AS held ON c.oid = held.relation
LEFT JOIN pg_catalog.pg_inherits AS i ON c.oid = i.inhrelid AND c.relispartition
LEFT JOIN pg_catalog.pg_class AS p ON i.inhparent = p.oid
WHERE
    c.oid = any(coalesce(%(tables)s::oid [], relations_of(%(schema)s)::oid []))
    AND c.relnamespace = schema_oid(%(schema)s)
    AND c.relkind IN ('r', 'p')
