-- Tables, partitions, views, materialized views, foreign tables and sequences.
SELECT
    coalesce(owner.relname, c.relname) AS relation,
    relation_kind(c.relkind) AS kind,
    c.relname AS name,
    json_build_object(
        'partition key', pg_get_partkeydef(c.oid),
        'partition of', CASE WHEN c.relispartition THEN parents.names[1] END,
        'bounds', pg_get_expr(c.relpartbound, 0),
        'detach pending', coalesce(parents.detach_pending, FALSE),
        'inherits', CASE WHEN NOT c.relispartition THEN parents.names END,
        'of type', CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END,
        'definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
        'populated', c.relispopulated,
        'column order', (
            SELECT array_agg(a.attname ORDER BY a.attnum)
            FROM pg_attribute AS a
            WHERE
                a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND c.relkind <> 'S'
        ),
        'persistence', CASE c.relpersistence
            WHEN 'p' THEN 'permanent'
            WHEN 'u' THEN 'unlogged'
            ELSE 'temporary'
        END,
        'access method', am.amname,
        'tablespace', s.spcname,
        'storage parameters', (
            SELECT array_agg(o.option ORDER BY o.option)
            FROM (
                SELECT unnest(settable_options(c.reloptions)) AS option
                UNION ALL
                SELECT 'toast.' || unnest(settable_options(t.reloptions)) AS option
            ) AS o
        ),
        'replica identity', CASE c.relreplident
            WHEN 'd' THEN 'default'
            WHEN 'n' THEN 'nothing'
            WHEN 'f' THEN 'full'
            ELSE 'index ' || coalesce(identity.name, '(dropped)')
        END,
        'row security', c.relrowsecurity,
        'forced row security', c.relforcerowsecurity,
        'foreign server', (
            SELECT json_build_array(fs.srvname, settable_options(ft.ftoptions))
            FROM pg_foreign_table AS ft
            INNER JOIN pg_foreign_server AS fs ON ft.ftserver = fs.oid
            WHERE ft.ftrelid = c.oid
        ),
        'sequence', (
            SELECT
                json_build_object(
                    'type', format_type(q.seqtypid, NULL), 'start', q.seqstart,
                    'increment', q.seqincrement, 'minimum', q.seqmin, 'maximum', q.seqmax,
                    'cache', q.seqcache, 'cycle', q.seqcycle
                )
            FROM pg_sequence AS q
            WHERE q.seqrelid = c.oid
        ),
        'owned by', owner.attname,
        'comment', comment_on('pg_class'::regclass, c.oid, 0)
    ) AS attributes
FROM pg_class AS c
LEFT JOIN pg_class AS t ON c.reltoastrelid = t.oid
LEFT JOIN pg_am AS am ON c.relam = am.oid
LEFT JOIN pg_tablespace AS s ON c.reltablespace = s.oid
LEFT JOIN LATERAL (
    SELECT
        array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) AS names,
        bool_or(i.inhdetachpending) AS detach_pending
    FROM pg_inherits AS i
    WHERE i.inhrelid = c.oid
) AS parents ON TRUE
LEFT JOIN LATERAL (
    SELECT coalesce(pi.relname, ic.relname) AS name
    FROM pg_index AS x
    INNER JOIN pg_class AS ic ON x.indexrelid = ic.oid
    LEFT JOIN pg_inherits AS ii ON ic.oid = ii.inhrelid
    LEFT JOIN pg_class AS pi ON ii.inhparent = pi.oid
    WHERE x.indrelid = c.oid AND x.indisreplident
) AS identity ON TRUE
LEFT JOIN LATERAL (
    SELECT oc.relname, a.attname
    FROM pg_depend AS d
    INNER JOIN pg_class AS oc ON d.refobjid = oc.oid AND oc.relnamespace = c.relnamespace
    INNER JOIN pg_attribute AS a ON oc.oid = a.attrelid AND d.refobjsubid = a.attnum
    WHERE
        c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
) AS owner ON TRUE
WHERE
    c.oid = any(relations_of(current_schema())::oid [])
    AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT of_extension('pg_class'::regclass, c.oid)
ORDER BY c.relname
