-- The columns of tables and views. Named NOT NULL constraints exist from 18 on, and are null before.
WITH mine AS (SELECT relations_of(current_schema()) AS oids),

named AS MATERIALIZED (
    SELECT con.*
    FROM pg_constraint AS con
    WHERE con.conrelid = any((SELECT m.oids FROM mine AS m)::oid []) AND con.contype = 'n'
)

SELECT
    c.relname AS relation,
    'column' AS kind,
    a.attname AS name,
    json_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'not null', a.attnotnull,
        'not null constraint', CASE
            WHEN n.oid IS NOT NULL
                THEN concat(
                    CASE WHEN n.coninhcount = 0 THEN n.conname ELSE '(of the parent)' END,
                    CASE WHEN n.connoinherit THEN ' NO INHERIT' END,
                    CASE WHEN NOT n.convalidated THEN ' NOT VALID' END
                )
        END,
        'not null comment', comment_on('pg_constraint'::regclass, n.oid, 0),
        'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
        'generated', CASE a.attgenerated
            WHEN 's' THEN pg_get_expr(d.adbin, d.adrelid) || ' STORED'
            WHEN 'v' THEN pg_get_expr(d.adbin, d.adrelid) || ' VIRTUAL'
        END,
        'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
        'collation', CASE
            WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text
        END,
        'storage', CASE a.attstorage
            WHEN 'p' THEN 'plain'
            WHEN 'e' THEN 'external'
            WHEN 'm' THEN 'main'
            ELSE 'extended'
        END,
        'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'statistics target', nullif(a.attstattarget, -1),
        'options', settable_column_options(a.attoptions),
        'foreign options', settable_options(a.attfdwoptions),
        'comment', comment_on('pg_class'::regclass, c.oid, a.attnum)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_attribute AS a ON c.oid = a.attrelid
INNER JOIN pg_type AS t ON a.atttypid = t.oid
LEFT JOIN pg_attrdef AS d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
LEFT JOIN named AS n ON a.attrelid = n.conrelid AND n.conkey = ARRAY[a.attnum]
WHERE
    c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND a.attnum > 0
    AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
