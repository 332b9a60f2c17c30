-- The indexes of a schema with their statistics; those of a partitioned index are sums over its partitions.
-- Reads only catalogs, since functions that print an expression or measure a size wait for locks.
WITH RECURSIVE tree AS (
    SELECT
        x.indexrelid AS root,
        x.indexrelid AS leaf
    FROM pg_catalog.pg_index AS x
    INNER JOIN pg_catalog.pg_class AS c ON x.indrelid = c.oid
    WHERE c.oid = any(relations_of(%(schema)s)::oid [])
    UNION ALL
    SELECT
        t.root,
        h.inhrelid
    FROM tree AS t
    CROSS JOIN LATERAL (
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE t.leaf = i.inhparent OFFSET 0
    ) AS h
),

sums AS (
    SELECT
        t.root,
        sum(l.relpages)::bigint AS pages,
        sum(greatest(l.reltuples, 0))::bigint AS table_rows,
        sum(pg_catalog.pg_stat_get_numscans(t.leaf))::bigint AS scans,
        sum(
            pg_catalog.pg_stat_get_tuples_inserted(l.relation) + pg_catalog.pg_stat_get_tuples_updated(l.relation)
            + pg_catalog.pg_stat_get_tuples_deleted(l.relation)
        )::bigint AS writes
    FROM tree AS t
    -- OFFSET: each leaf is looked up by itself, since it is not known beforehand how many there are
    CROSS JOIN LATERAL (
        SELECT
            i.relpages,
            c.reltuples,
            c.oid AS relation
        FROM pg_catalog.pg_class AS i
        INNER JOIN pg_catalog.pg_index AS x ON i.oid = x.indexrelid
        INNER JOIN pg_catalog.pg_class AS c ON x.indrelid = c.oid
        WHERE t.leaf = i.oid AND i.relkind = 'i'
        OFFSET 0
    ) AS l
    GROUP BY t.root
)

SELECT
    c.relname AS table_name,
    i.relname AS index_name,
    c.relkind = 'p' AS partitioned,
    c.relispartition AS of_partition,
    h.inhparent IS NOT NULL AS attached,
    x.indisvalid AND x.indisready AND x.indislive AS valid,
    x.indislive AS live,
    x.indisunique AS is_unique,
    x.indisreplident OR EXISTS (
        SELECT FROM pg_catalog.pg_constraint AS con WHERE con.conindid = i.oid AND con.conrelid = c.oid
    ) AS needed,
    am.amname AS method,
    -- an expression as it is stored, without its position in the statement
    ARRAY(
        SELECT coalesce(a.attname, pg_catalog.regexp_replace(x.indexprs::text, ':location -?\d+', '', 'g'))
        FROM pg_catalog.generate_series(1, x.indnkeyatts) AS k (n)
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND x.indkey[k.n - 1] = a.attnum
        ORDER BY k.n
    ) AS key_columns,
    ARRAY(
        SELECT pg_catalog.concat_ws(' ', x.indclass[k.n - 1], x.indcollation[k.n - 1], x.indoption[k.n - 1])
        FROM pg_catalog.generate_series(1, x.indnkeyatts) AS k (n)
        ORDER BY k.n
    ) AS key_kinds,
    ARRAY(
        SELECT a.attname::text
        FROM pg_catalog.generate_series(x.indnkeyatts + 1, x.indnatts) AS k (n)
        INNER JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND x.indkey[k.n - 1] = a.attnum
        ORDER BY k.n
    ) AS included,
    pg_catalog.regexp_replace(x.indpred::text, ':location -?\d+', '', 'g') AS predicate,
    CASE WHEN c.relkind = 'p' AND NOT x.indisvalid THEN pg_catalog.pg_get_indexdef(i.oid) END AS definition,
    coalesce(s.pages, 0) AS pages,
    coalesce(s.table_rows, 0) AS table_rows,
    coalesce(s.scans, 0) AS scans,
    coalesce(s.writes, 0) AS writes,
    -- not an autovacuum worker, which takes the same lock and has no user
    (
        SELECT min(l.pid)
        FROM pg_catalog.pg_locks AS l
        INNER JOIN pg_catalog.pg_stat_activity AS a ON l.pid = a.pid
        WHERE
            l.locktype = 'relation'
            AND l.relation = c.oid
            AND l.mode = 'ShareUpdateExclusiveLock'
            AND l.granted
            AND l.database = (
                SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
            )
            AND a.usesysid IS NOT NULL
    ) AS builder,
    -- for an index on a partitioned table: the partitions without a part of it, and its parts
    ARRAY(
        SELECT p.relname::text
        FROM pg_catalog.pg_inherits AS ph
        INNER JOIN pg_catalog.pg_class AS p ON ph.inhrelid = p.oid
        WHERE
            ph.inhparent = c.oid
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_inherits AS ih
                INNER JOIN pg_catalog.pg_index AS px ON ih.inhrelid = px.indexrelid
                WHERE ih.inhparent = i.oid AND px.indrelid = p.oid
            )
        ORDER BY p.relname
    ) AS lacking,
    inheriting(i.oid) AS parts
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_index AS x ON c.oid = x.indrelid
INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
INNER JOIN pg_catalog.pg_am AS am ON i.relam = am.oid
LEFT JOIN pg_catalog.pg_inherits AS h ON i.oid = h.inhrelid
LEFT JOIN sums AS s ON i.oid = s.root
WHERE c.oid = any(relations_of(%(schema)s)::oid [])
ORDER BY c.relname, i.relname
