-- What depends on a table and is no part of it, or is its own and not its partitioned table's: each with
-- the statement that drops it. The table's own partitions are part of it.
WITH RECURSIVE target AS (
    SELECT c.oid, c.reltype
    FROM pg_catalog.pg_class AS c
    INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
    WHERE n.nspname = %(schema)s AND c.relname = %(table)s

    UNION ALL
    SELECT c.oid, c.reltype
    FROM target AS t
    INNER JOIN pg_catalog.pg_inherits AS i ON t.oid = i.inhparent
    INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid AND c.relispartition
)

SELECT DISTINCT
    pg_catalog.pg_describe_object('pg_class'::regclass, v.oid, 0) AS name,
    pg_catalog.format(
        'DROP %%s %%s;', CASE v.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, v.oid::regclass
    ) AS statement
FROM target AS t
INNER JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
INNER JOIN pg_catalog.pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
INNER JOIN pg_catalog.pg_class AS v ON r.ev_class = v.oid
WHERE v.oid <> t.oid

UNION ALL
SELECT DISTINCT
    pg_catalog.pg_describe_object(d.classid, d.objid, 0),
    pg_catalog.format('DROP ROUTINE %%s;', d.objid::regprocedure)
FROM target AS t
INNER JOIN pg_catalog.pg_depend AS d
    ON (d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid)
    OR (d.refclassid = 'pg_type'::regclass AND t.reltype = d.refobjid)
WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'n'

UNION ALL
SELECT DISTINCT
    pg_catalog.pg_describe_object('pg_policy'::regclass, p.oid, 0),
    pg_catalog.format('DROP POLICY %%I ON %%s;', p.polname, p.polrelid::regclass)
FROM target AS t
INNER JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
INNER JOIN pg_catalog.pg_policy AS p ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
WHERE p.polrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_constraint'::regclass, k.oid, 0),
    pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I;', k.conrelid::regclass, k.conname)
FROM target AS t
INNER JOIN pg_catalog.pg_constraint AS k ON t.oid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_class'::regclass, i.inhrelid, 0),
    pg_catalog.format('ALTER TABLE %%s NO INHERIT %%s;', i.inhrelid::regclass, t.oid::regclass)
FROM target AS t
INNER JOIN pg_catalog.pg_inherits AS i ON t.oid = i.inhparent AND i.inhrelid NOT IN (SELECT o.oid FROM target AS o)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_trigger'::regclass, g.oid, 0),
    pg_catalog.format('DROP TRIGGER %%I ON %%s;', g.tgname, t.oid::regclass)
FROM target AS t
INNER JOIN pg_catalog.pg_trigger AS g ON t.oid = g.tgrelid
WHERE
    %(own)s AND NOT g.tgisinternal AND g.tgparentid = 0
    AND NOT pg_catalog.starts_with(g.tgname, %(log)s)

UNION ALL
SELECT
    pg_catalog.pg_describe_object('pg_class'::regclass, x.oid, 0),
    pg_catalog.format('DROP INDEX %%s;', x.oid::regclass)
FROM target AS t
INNER JOIN pg_catalog.pg_index AS i ON t.oid = i.indrelid
INNER JOIN pg_catalog.pg_class AS x ON i.indexrelid = x.oid
WHERE
    %(own)s AND NOT x.relispartition
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = x.oid)
ORDER BY 1
