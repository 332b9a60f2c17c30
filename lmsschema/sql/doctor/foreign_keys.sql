-- Foreign keys of a schema without a valid index to find their rows: one that begins with their columns, or
-- with one of them that is unique by itself in the referenced table, or has few rows a value by the statistics.
WITH RECURSIVE tree AS (
    SELECT
        c.oid AS root,
        c.oid AS leaf
    FROM pg_catalog.pg_class AS c
    WHERE
        c.oid = any(relations_of(%(schema)s)::oid [])
        AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT
        t.root,
        h.inhrelid
    FROM tree AS t
    CROSS JOIN LATERAL (
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE t.leaf = i.inhparent OFFSET 0
    ) AS h
)

SELECT
    c.relname AS table_name,
    con.conname AS key_name,
    r.relname AS referenced,
    c.relkind = 'p' AS partitioned,
    column_names(c.oid, con.conkey) AS column_names,
    (
        SELECT coalesce(sum(greatest(leaf.reltuples, 0)), 0)::bigint
        FROM tree AS t
        INNER JOIN pg_catalog.pg_class AS leaf ON t.leaf = leaf.oid AND leaf.relkind = 'r'
        WHERE t.root = c.oid
    ) AS table_rows,
    inheriting(c.oid) AS partitions
FROM pg_catalog.pg_constraint AS con
INNER JOIN pg_catalog.pg_class AS c ON con.conrelid = c.oid
INNER JOIN pg_catalog.pg_class AS r ON con.confrelid = r.oid
WHERE
    con.contype = 'f'
    AND con.conparentid = 0
    AND c.oid = any(relations_of(%(schema)s)::oid [])
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_index AS x
        INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
        INNER JOIN pg_catalog.pg_am AS am ON i.relam = am.oid
        WHERE
            x.indrelid = c.oid
            AND x.indisvalid
            AND am.amname IN ('btree', 'hash')
            AND (
                (
                    x.indnkeyatts >= pg_catalog.cardinality(con.conkey)
                    AND (x.indkey::int2 [])[0:pg_catalog.cardinality(con.conkey) - 1] @> con.conkey
                )
                OR EXISTS (
                    SELECT FROM ROWS FROM (
                        pg_catalog.unnest(con.conkey), pg_catalog.unnest(con.confkey)
                    ) AS pair (own, other)
                    INNER JOIN pg_catalog.pg_index AS u ON u.indrelid = con.confrelid AND u.indkey[0] = pair.other
                    WHERE
                        x.indkey[0] = pair.own
                        AND u.indisunique
                        AND u.indisvalid
                        AND u.indnkeyatts = 1
                        AND u.indpred IS NULL
                )
                OR EXISTS (
                    SELECT FROM pg_catalog.pg_stats AS s
                    WHERE
                        x.indkey[0] = any(con.conkey)
                        AND s.schemaname = %(schema)s
                        AND s.tablename = c.relname
                        AND s.attname = (column_names(c.oid, ARRAY[x.indkey[0]]))[1]
                        AND s.n_distinct <> 0
                        AND CASE WHEN s.n_distinct > 0 THEN c.reltuples / s.n_distinct ELSE -1 / s.n_distinct END <= 1000
                )
            )
            AND (
                x.indpred IS NULL
                -- WHERE column IS NOT NULL, as it is stored: rows with NULL refer to nothing
                OR (
                    pg_catalog.cardinality(con.conkey) = 1
                    AND x.indpred::text ~ pg_catalog.concat(
                        '^[{]NULLTEST :arg [{]VAR [^{}]*:varattno ', con.conkey[1], ' [^{}]*[}] :nulltesttype 1 '
                    )
                )
            )
    )
ORDER BY c.relname, con.conname
