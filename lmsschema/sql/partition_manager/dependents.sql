-- What depends on a table and is no part of it, or is its own and not its partitioned table's: each with
-- the statement that drops it. The table's own partitions are part of it.
WITH RECURSIVE target AS (
    SELECT c.oid, c.reltype
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = %(table)s

    UNION ALL
    SELECT c.oid, c.reltype
    FROM target AS t
    -- OFFSET: looked up one by one, whatever number of them is assumed
    CROSS JOIN LATERAL (
        SELECT o.oid, o.reltype
        FROM pg_catalog.pg_inherits AS i
        INNER JOIN pg_catalog.pg_class AS o ON i.inhrelid = o.oid AND o.relispartition
        WHERE t.oid = i.inhparent
        OFFSET 0
    ) AS c
)

SELECT DISTINCT
    pg_catalog.pg_describe_object('pg_class'::regclass, v.oid, 0) AS name,
    pg_catalog.format(
        'DROP %%s %%s;', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, v.oid::regclass
    ) AS statement
FROM pg_catalog.pg_depend AS d
INNER JOIN pg_catalog.pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
INNER JOIN pg_catalog.pg_class AS v ON r.ev_class = v.oid
WHERE
    d.refclassid = 'pg_class'::regclass
    AND d.refobjid = any(ARRAY(SELECT t.oid FROM target AS t))
    AND d.refobjid <> v.oid

UNION ALL
SELECT DISTINCT
    pg_catalog.pg_describe_object(d.classid, d.objid, 0),
    pg_catalog.format('DROP ROUTINE %%s;', d.objid::regprocedure)
FROM pg_catalog.pg_depend AS d
WHERE
    (
        (d.refclassid = 'pg_class'::regclass AND d.refobjid = any(ARRAY(SELECT t.oid FROM target AS t)))
        OR (d.refclassid = 'pg_type'::regclass AND d.refobjid = any(ARRAY(SELECT t.reltype FROM target AS t)))
    )
    AND d.classid = 'pg_proc'::regclass
    AND d.deptype = 'n'

UNION ALL
SELECT DISTINCT
    pg_catalog.pg_describe_object('pg_policy'::regclass, p.oid, 0),
    pg_catalog.format('DROP POLICY %%I ON %%s;', p.polname, p.polrelid::regclass)
FROM pg_catalog.pg_depend AS d
INNER JOIN pg_catalog.pg_policy AS p ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
WHERE
    d.refclassid = 'pg_class'::regclass
    AND d.refobjid = any(ARRAY(SELECT t.oid FROM target AS t))
    AND p.polrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_constraint'::regclass, k.oid, 0),
    pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I;', k.conrelid::regclass, k.conname)
FROM pg_catalog.pg_constraint AS k
WHERE
    k.oid = any(ARRAY(SELECT pg_catalog.unnest(referring_to(t.oid)::oid []) FROM target AS t))
    AND k.confrelid = any(ARRAY(SELECT t.oid FROM target AS t))
    AND k.contype = 'f' AND k.conparentid = 0 AND k.conrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_class'::regclass, i.inhrelid, 0),
    pg_catalog.format('ALTER TABLE %%s NO INHERIT %%s;', i.inhrelid::regclass, i.inhparent::regclass)
FROM pg_catalog.pg_inherits AS i
WHERE i.inhparent = any(ARRAY(SELECT t.oid FROM target AS t)) AND i.inhrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_trigger'::regclass, g.oid, 0),
    pg_catalog.format('DROP TRIGGER %%I ON %%s;', g.tgname, g.tgrelid::regclass)
FROM pg_catalog.pg_trigger AS g
WHERE
    g.tgrelid = any(ARRAY(SELECT t.oid FROM target AS t))
    AND %(own)s AND NOT g.tgisinternal AND g.tgparentid = 0
    AND NOT pg_catalog.starts_with(g.tgname, %(log)s)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_class'::regclass, x.oid, 0),
    pg_catalog.format('DROP INDEX %%s;', x.oid::regclass)
FROM pg_catalog.pg_index AS i
INNER JOIN pg_catalog.pg_class AS x ON i.indexrelid = x.oid
WHERE
    i.indrelid = any(ARRAY(SELECT t.oid FROM target AS t))
    AND %(own)s AND NOT x.relispartition
    AND NOT EXISTS (
        -- of the index itself, or of a key that refers to it
        SELECT FROM pg_catalog.pg_constraint AS k
        WHERE k.oid = any(ARRAY(
            SELECT o.refobjid
            FROM pg_catalog.pg_depend AS o
            WHERE o.classid = 'pg_class'::regclass AND o.objid = x.oid AND o.refclassid = 'pg_constraint'::regclass
            UNION ALL
            SELECT pg_catalog.unnest(referring_to(x.oid)::oid [])
        ))
        AND k.conindid = x.oid
    )
ORDER BY 1
