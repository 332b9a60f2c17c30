-- What has the name of an index: of which kind it is, and how it stands if it is an index.
SELECT
    i.relkind::text AS kind,
    t.relname AS table_name,
    x.indisvalid AND x.indisready AND x.indislive AS valid,
    CASE WHEN i.relkind IN ('i', 'I') THEN pg_catalog.pg_get_indexdef(i.oid) END AS definition,
    parent.relname AS part_of,
    (
        SELECT pg_catalog.min(c.conname::text)
        FROM pg_catalog.pg_constraint AS c
        -- its own, or foreign keys that refer to it
        WHERE
            c.oid = any(
                ARRAY(
                    SELECT d.refobjid
                    FROM pg_catalog.pg_depend AS d
                    WHERE
                        d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.oid
                        AND d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                    UNION ALL
                    SELECT pg_catalog.unnest(referring_to(i.oid)::oid [])
                )
            )
            AND i.oid = c.conindid
    ) AS constraint_name,
    x.indisreplident AS is_replica_identity
FROM pg_catalog.pg_class AS i
LEFT JOIN pg_catalog.pg_index AS x ON i.oid = x.indexrelid
LEFT JOIN pg_catalog.pg_class AS t ON x.indrelid = t.oid
LEFT JOIN pg_catalog.pg_inherits AS h ON i.oid = h.inhrelid AND i.relkind IN ('i', 'I')
LEFT JOIN pg_catalog.pg_class AS parent ON h.inhparent = parent.oid
WHERE i.relnamespace = schema_oid(pg_catalog.current_schema()) AND i.relname = %(index)s
