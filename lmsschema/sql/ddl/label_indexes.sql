-- The indexes that depend on an enum's columns; an index of a partition comes with the table's.
-- One is plain if a B-tree of nothing but columns is all that PostgreSQL says of it.
WITH moved AS (
    %(columns)s
),

place AS (
    SELECT
        m.table_oid,
        m.table_name,
        m.is_partitioned,
        m.new_column,
        c.oid AS relation_oid,
        a.attnum AS number
    FROM moved AS m
    INNER JOIN pg_catalog.pg_class AS c
        ON
            m.table_oid = c.oid
            OR c.oid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = m.table_oid)
    INNER JOIN pg_catalog.pg_attribute AS a
        ON c.oid = a.attrelid AND m.column_name = a.attname AND NOT a.attisdropped
)

SELECT
    r.table_name,
    r.is_partitioned,
    i.oid AS index_oid,
    i.relname AS index_name,
    concat(pg_catalog.left(i.relname, 12), '_new_', i.oid) AS new_index,
    k.new_keys,
    r.table_oid = r.relation_oid
    AND NOT x.indisunique
    AND NOT x.indisclustered
    AND NOT x.indisreplident
    AND x.indisvalid
    AND x.indisready
    AND x.indislive
    AND pg_catalog.right(pg_catalog.pg_get_indexdef(i.oid), pg_catalog.length(k.whole)) = k.whole
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_class AS p
        INNER JOIN pg_catalog.pg_index AS px ON p.oid = px.indexrelid
        WHERE
            (
                p.oid = i.oid
                OR p.oid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = i.oid)
            )
            AND (p.reloptions IS NOT NULL OR p.reltablespace <> 0 OR px.indisclustered)
    ) AS plain
FROM (
    SELECT DISTINCT
        table_oid,
        table_name,
        is_partitioned,
        relation_oid
    FROM place
) AS r
INNER JOIN pg_catalog.pg_index AS x ON r.relation_oid = x.indrelid
INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid AND NOT i.relispartition
CROSS JOIN LATERAL (
    SELECT
        concat(' USING btree (', pg_catalog.string_agg(concat(pg_catalog.quote_ident(a.attname), o.text), ', ' ORDER BY u.number), ')')
            AS whole,
        pg_catalog.string_agg(
            concat(pg_catalog.quote_ident(coalesce(p.new_column, a.attname)), o.text), ', ' ORDER BY u.number
        ) AS new_keys
    FROM
        ROWS FROM (
            pg_catalog.unnest(x.indkey), pg_catalog.unnest(x.indoption)
        ) WITH ORDINALITY AS u (attnum, option, number)
    LEFT JOIN pg_catalog.pg_attribute AS a ON x.indrelid = a.attrelid AND u.attnum = a.attnum
    LEFT JOIN place AS p ON x.indrelid = p.relation_oid AND u.attnum = p.number
    CROSS JOIN LATERAL (
        SELECT
            CASE u.option
                WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST' WHEN 3 THEN ' DESC' ELSE ''
            END AS text
    ) AS o
) AS k
WHERE
    EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        INNER JOIN place AS p ON d.refobjid = p.relation_oid AND d.refobjsubid = p.number
        WHERE
            d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND d.objid = i.oid
            AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    )
ORDER BY r.table_name, i.relname
