-- Every partition of a table, and tables that are named like one and are none, each with its size and
-- with what of the table's it lacks. What a partitioned table has is that of its leaves.
SELECT
    c.relname AS name,
    CASE
        WHEN c.relkind = 'p' THEN 'partitioned table'
        WHEN c.relkind = 'f' THEN 'foreign table'
        WHEN i.inhparent IS NOT NULL AND NOT c.relispartition THEN 'inheritance child'
        WHEN c.relpersistence = 'u' THEN 'unlogged table'
        ELSE 'table'
    END AS kind,
    CASE WHEN i.inhparent <> p.oid THEN i.inhparent::regclass::text END AS other_parent,
    pg_catalog.pg_get_partkeydef(c.oid) AS key,
    (
        SELECT count(*)
        FROM pg_catalog.pg_inherits AS s
        WHERE s.inhparent = c.oid AND c.relkind = 'p'
    ) AS own_partitions,
    coalesce(i.inhparent = p.oid, false) AS attached,
    coalesce(i.inhdetachpending, false) AS detach_pending,
    pg_catalog.pg_get_expr(c.relpartbound, 0) AS bounds,
    CASE
        WHEN c.relkind = 'p' THEN leaves.estimated_rows
        WHEN c.reltuples >= 0 THEN c.reltuples::bigint
    END AS estimated_rows,
    CASE WHEN c.relkind = 'p' THEN leaves.bytes ELSE pg_catalog.pg_total_relation_size(c.oid) END AS bytes,
    pg_catalog.obj_description(c.oid, 'pg_class') AS note,
    ARRAY(
        SELECT x.relname
        FROM pg_catalog.pg_index AS pi
        INNER JOIN pg_catalog.pg_class AS x ON pi.indexrelid = x.oid
        WHERE
            i.inhparent = p.oid
            AND pi.indrelid = p.oid
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_inherits AS xi
                INNER JOIN pg_catalog.pg_index AS ci ON xi.inhrelid = ci.indexrelid
                WHERE xi.inhparent = pi.indexrelid AND ci.indrelid = c.oid
            )
        ORDER BY x.relname
    )::text[] AS lacking_indexes,
    ARRAY(
        SELECT k.conname
        FROM pg_catalog.pg_constraint AS k
        WHERE
            i.inhparent = p.oid
            AND k.conrelid = p.oid
            AND k.contype IN ('p', 'u', 'f')
            AND k.conparentid = 0
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS ck
                WHERE ck.conparentid = k.oid AND ck.conrelid = c.oid
            )
        ORDER BY k.conname
    )::text[] AS lacking_keys,
    ARRAY(
        SELECT x.relname
        FROM pg_catalog.pg_index AS ci
        INNER JOIN pg_catalog.pg_class AS x ON ci.indexrelid = x.oid
        WHERE ci.indrelid = c.oid AND NOT ci.indisvalid
        ORDER BY x.relname
    )::text[] AS invalid_indexes
FROM pg_catalog.pg_class AS p
CROSS JOIN
    LATERAL (
        SELECT a.inhrelid
        FROM pg_catalog.pg_inherits AS a
        WHERE a.inhparent = p.oid
        UNION
        SELECT r.oid
        FROM pg_catalog.pg_class AS r
        WHERE r.oid = any(relations_of(%(schema)s)::oid [])
    ) AS one (oid)
INNER JOIN pg_catalog.pg_class AS c ON one.oid = c.oid
LEFT JOIN pg_catalog.pg_inherits AS i ON c.oid = i.inhrelid AND i.inhseqno = 1
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(pg_catalog.pg_total_relation_size(l.oid)), 0)::bigint AS bytes,
        CASE WHEN bool_and(l.reltuples >= 0) THEN sum(l.reltuples)::bigint END AS estimated_rows
    FROM pg_catalog.pg_partition_tree(CASE WHEN c.relkind = 'p' THEN c.oid END) AS t
    INNER JOIN pg_catalog.pg_class AS l ON t.relid = l.oid AND t.isleaf
) AS leaves
WHERE
    p.relnamespace = schema_oid(%(schema)s)
    AND p.relname = %(table)s
    AND c.relkind IN ('r', 'p', 'f')
    AND (
        i.inhparent = p.oid
        OR (
            (NOT c.relispartition OR pg_catalog.pg_partition_root(c.oid) <> p.oid)
            AND c.relnamespace = p.relnamespace
            AND c.relname ~ ('^' || p.relname || '_([0-9]{4}_|default)')
        )
    )
