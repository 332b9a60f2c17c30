-- What depends on an enum or on its columns, or is peculiar to them, and would be lost or stand in
-- the way if its tables got columns of another type: all that is not known to be carried over.
WITH moved AS (
    %(columns)s
),

enum AS (
    SELECT
        t.oid,
        t.typname,
        t.typarray
    FROM pg_catalog.pg_type AS t
    INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
    WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %(type)s
),

place AS (
    SELECT
        m.*,
        c.oid AS relation_oid,
        c.relname AS relation_name,
        c.relkind AS kind,
        a.attnum AS number,
        a.attnotnull AS own_not_null,
        a.attacl AS grants,
        a.attgenerated AS generated,
        concat(c.relname, '.', m.column_name) AS called
    FROM moved AS m
    INNER JOIN pg_catalog.pg_class AS c
        ON
            m.table_oid = c.oid
            OR c.oid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = m.table_oid)
    INNER JOIN pg_catalog.pg_attribute AS a
        ON c.oid = a.attrelid AND m.column_name = a.attname AND NOT a.attisdropped
),

found AS (
    -- on a column
    SELECT
        concat(pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ' (of ', p.called, ')') AS what,
        p.relation_oid <> p.table_oid AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_depend AS d
        ON
            d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND p.relation_oid = d.refobjid
            AND p.number = d.refobjsubid
    WHERE
        NOT EXISTS (
            -- label_indexes.sql says which of them are plain
            SELECT FROM pg_catalog.pg_class AS i
            WHERE
                d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND d.objid = i.oid
                AND i.relkind IN ('i', 'I')
        )
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_attrdef AS f
            WHERE
                d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                AND d.objid = f.oid
                AND f.adrelid = p.relation_oid
                AND f.adnum = p.number
        )
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_constraint AS k
            WHERE
                d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
                AND d.objid = k.oid
                AND (k.conname = p.check_name OR k.contype = 'n' AND k.convalidated AND NOT k.connoinherit)
        )
    UNION ALL
    -- on the type or on the type of its arrays
    SELECT
        concat(pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), ' (of type ', e.typname, ')') AS what,
        FALSE AS of_partition
    FROM enum AS e
    INNER JOIN pg_catalog.pg_depend AS d
        ON
            d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND d.refobjid IN (e.oid, e.typarray)
    WHERE
        NOT (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = e.typarray)
        AND NOT EXISTS (
            SELECT FROM place AS p
            WHERE
                d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                AND d.objid = p.relation_oid
                AND d.objsubid = p.number
        )
        AND NOT EXISTS (
            SELECT FROM place AS p
            INNER JOIN pg_catalog.pg_attrdef AS f ON p.relation_oid = f.adrelid AND p.number = f.adnum
            WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
        )
    UNION ALL
    SELECT
        concat('default ', x.expression, ' (of ', p.called, ')') AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_attrdef AS f ON p.relation_oid = f.adrelid AND p.number = f.adnum
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS expression) AS x
    WHERE
        p.generated <> ''
        OR x.expression NOT IN (
            SELECT concat(pg_catalog.quote_literal(l.enumlabel), '::', pg_catalog.quote_ident(p.type_name))
            FROM pg_catalog.pg_enum AS l
            WHERE l.enumtypid = p.type_oid AND l.enumlabel <> %(label)s
        )
    UNION ALL
    SELECT
        concat('grants on column ', p.called) AS what,
        p.relation_oid <> p.table_oid AS of_partition
    FROM place AS p
    WHERE p.grants IS NOT NULL
    UNION ALL
    SELECT
        concat('NOT NULL of partition ', p.called, ' alone') AS what,
        FALSE AS of_partition
    FROM place AS p
    WHERE p.own_not_null AND NOT p.not_null
    UNION ALL
    SELECT
        concat('partition key of ', p.relation_name) AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_partitioned_table AS k
        ON p.relation_oid = k.partrelid AND p.number = ANY(k.partattrs)
    UNION ALL
    -- backfilled and exchanged are tables and partitions of one level
    SELECT
        concat('table ', c.oid::pg_catalog.regclass, ', which inherits from ', p.relation_name) AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_inherits AS h ON p.relation_oid = h.inhparent
    INNER JOIN pg_catalog.pg_class AS c ON h.inhrelid = c.oid
    WHERE NOT (p.kind = 'p' AND p.table_oid = p.relation_oid AND c.relkind = 'r' AND NOT h.inhdetachpending)
    UNION ALL
    SELECT
        concat('table ', p.relation_name, ', which inherits from ', h.inhparent::pg_catalog.regclass) AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_inherits AS h ON p.relation_oid = h.inhrelid
    WHERE h.inhparent <> p.table_oid
    UNION ALL
    SELECT
        concat('partition ', c.oid::pg_catalog.regclass, ', which is in another schema than its table') AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_class AS c ON p.relation_oid = c.oid
    INNER JOIN pg_catalog.pg_class AS o ON p.table_oid = o.oid
    WHERE c.relnamespace <> o.relnamespace
    UNION ALL
    -- the backfill's UPDATE would become something else
    SELECT
        concat('rule ', r.rulename, ' of ', p.relation_name) AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_rewrite AS r ON p.relation_oid = r.ev_class
    UNION ALL
    -- triggers fire in the order of their names, and ours has to be the last
    SELECT
        concat('trigger ', g.tgname, ' of ', p.relation_name, ', whose name comes after ~lmsschema') AS what,
        FALSE AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_trigger AS g ON p.relation_oid = g.tgrelid
    WHERE
        g.tgname > '~lmsschema_new_'
        AND g.tgname <> concat('~', p.guard)
        AND g.tgtype & 3 = 3 -- before, each row
        AND g.tgtype & 20 > 0 -- insert, update
        AND NOT g.tgisinternal
    UNION ALL
    -- its plans in open sessions know the column's old type, and only its owner can have them made anew
    SELECT
        concat(
            'function ', f.oid::pg_catalog.regprocedure, ', the trigger ', g.tgname, ' of ', p.relation_name,
            ', which belongs to ', pg_catalog.pg_get_userbyid(f.proowner)
        ) AS what,
        p.relation_oid <> p.table_oid AS of_partition
    FROM place AS p
    INNER JOIN pg_catalog.pg_trigger AS g ON p.relation_oid = g.tgrelid
    INNER JOIN pg_catalog.pg_proc AS f ON g.tgfoid = f.oid
    INNER JOIN pg_catalog.pg_language AS l ON f.prolang = l.oid
    WHERE l.lanname = 'plpgsql' AND NOT pg_catalog.pg_has_role(f.proowner, 'USAGE')
    UNION ALL
    SELECT
        concat('extension ', x.extname, ', which type ', e.typname, ' belongs to') AS what,
        FALSE AS of_partition
    FROM enum AS e
    INNER JOIN pg_catalog.pg_depend AS d
        ON
            d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
            AND e.oid = d.objid
            AND d.deptype = 'e'
    INNER JOIN pg_catalog.pg_extension AS x ON d.refobjid = x.oid
    UNION ALL
    SELECT
        concat('type ', e.typname, ' itself, which has no other label') AS what,
        FALSE AS of_partition
    FROM enum AS e
    WHERE NOT EXISTS (
        SELECT FROM pg_catalog.pg_enum AS l
        WHERE e.oid = l.enumtypid AND l.enumlabel <> %(label)s
    )
)

-- what partitions have from their table is named once
SELECT DISTINCT f.what
FROM found AS f
WHERE NOT f.of_partition OR NOT EXISTS (SELECT FROM found AS o WHERE NOT o.of_partition)
ORDER BY f.what
