-- The statements that put new columns, indexes and an enum into the place of the old ones, in order.
WITH moved AS (
    %(columns)s
),

pair AS (
    %(indexes)s
),

enum AS (
    SELECT
        t.oid,
        t.typowner AS owner,
        t.typacl AS grants,
        pg_catalog.quote_ident(t.typname) AS name,
        pg_catalog.quote_ident(w.typname) AS new_name,
        w.typowner AS new_owner,
        w.typacl AS new_grants,
        pg_catalog.obj_description(t.oid, 'pg_type') AS comment
    FROM pg_catalog.pg_type AS t
    INNER JOIN pg_catalog.pg_type AS w
        ON
            t.typnamespace = w.typnamespace
            AND w.typname = concat(pg_catalog.left(t.typname, 12), '_new_', t.oid)
    INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
    WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %(type)s
),

-- the columns of a table and of its partitions, as they are
place AS (
    SELECT
        m.*,
        c.oid AS relation_oid,
        c.relname AS relation_name,
        a.attnum AS number,
        concat(
            'ALTER TABLE ONLY ', pg_catalog.quote_ident(c.relname),
            ' ALTER COLUMN ', pg_catalog.quote_ident(m.column_name)
        ) AS altered,
        pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS expression,
        nullif(a.attstattarget, -1) AS statistics_target,
        a.attoptions AS options,
        pg_catalog.col_description(c.oid, a.attnum) AS comment
    FROM moved AS m
    INNER JOIN pg_catalog.pg_class AS c
        ON
            m.table_oid = c.oid
            OR c.oid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = m.table_oid)
    INNER JOIN pg_catalog.pg_attribute AS a
        ON c.oid = a.attrelid AND m.column_name = a.attname AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef AS f ON c.oid = f.adrelid AND a.attnum = f.adnum
),

-- an index with the one that replaces it, and those of the partitions
index_pair AS (
    SELECT
        o.oid AS old_oid,
        o.relname AS old_name,
        w.relname AS new_name
    FROM pair AS p
    INNER JOIN pg_catalog.pg_class AS o ON p.index_oid = o.oid
    INNER JOIN pg_catalog.pg_class AS w ON o.relnamespace = w.relnamespace AND p.new_index = w.relname
    UNION ALL
    SELECT
        o.oid AS old_oid,
        o.relname AS old_name,
        w.relname AS new_name
    FROM pair AS p
    INNER JOIN pg_catalog.pg_class AS t ON p.new_index = t.relname
    INNER JOIN pg_catalog.pg_namespace AS n ON t.relnamespace = n.oid AND n.nspname = pg_catalog.current_schema()
    INNER JOIN pg_catalog.pg_inherits AS oh ON p.index_oid = oh.inhparent
    INNER JOIN pg_catalog.pg_index AS ox ON oh.inhrelid = ox.indexrelid
    INNER JOIN pg_catalog.pg_inherits AS wh ON t.oid = wh.inhparent
    INNER JOIN pg_catalog.pg_index AS wx ON wh.inhrelid = wx.indexrelid AND ox.indrelid = wx.indrelid
    INNER JOIN pg_catalog.pg_class AS o ON ox.indexrelid = o.oid
    INNER JOIN pg_catalog.pg_class AS w ON wx.indexrelid = w.oid
),

-- from 18 on a NOT NULL has a name
not_null AS (
    SELECT
        m.*,
        k.conname,
        pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment
    FROM moved AS m
    LEFT JOIN pg_catalog.pg_constraint AS k
        ON m.table_oid = k.conrelid AND k.contype = 'n' AND k.conkey = ARRAY[m.column_number]
    WHERE m.not_null
),

step AS (
    SELECT
        1 AS number,
        pg_catalog.string_agg(
            concat('ALTER COLUMN ', pg_catalog.quote_ident(new_column), ' SET NOT NULL'), ', ' ORDER BY column_number
        ) AS text,
        table_name
    FROM not_null
    WHERE conname IS NULL
    GROUP BY table_name
    UNION ALL
    SELECT
        1 AS number,
        pg_catalog.string_agg(
            concat(
                'ADD CONSTRAINT ', pg_catalog.quote_ident(new_column), ' NOT NULL ', pg_catalog.quote_ident(new_column)
            ), ', ' ORDER BY column_number
        ) AS text,
        table_name
    FROM not_null
    WHERE conname IS NOT NULL
    GROUP BY table_name
    UNION ALL
    SELECT DISTINCT
        2 AS number,
        concat('DROP CONSTRAINT ', pg_catalog.quote_ident(check_name)) AS text,
        table_name
    FROM moved
    WHERE is_guarded
    UNION ALL
    SELECT
        3 AS number,
        pg_catalog.string_agg(
            concat('DROP COLUMN ', pg_catalog.quote_ident(column_name)), ', ' ORDER BY column_number
        ) AS text,
        table_name
    FROM moved
    GROUP BY table_name
    UNION ALL
    SELECT
        4 AS number,
        concat(
            'RENAME COLUMN ', pg_catalog.quote_ident(new_column), ' TO ', pg_catalog.quote_ident(column_name)
        ) AS text,
        table_name
    FROM moved
    UNION ALL
    SELECT
        5 AS number,
        concat(
            'RENAME CONSTRAINT ', pg_catalog.quote_ident(new_column), ' TO ', pg_catalog.quote_ident(conname)
        ) AS text,
        table_name
    FROM not_null
    WHERE conname IS NOT NULL
),

statements AS (
    SELECT DISTINCT
        0 AS number,
        concat(
            'DROP TRIGGER ', pg_catalog.quote_ident(concat('~', guard)), ' ON ', pg_catalog.quote_ident(table_name),
            '; DROP FUNCTION ', pg_catalog.quote_ident(guard), '()'
        ) AS statement
    FROM moved
    WHERE is_guarded
    UNION ALL
    SELECT
        number,
        concat('ALTER TABLE ', pg_catalog.quote_ident(table_name), ' ', text) AS statement
    FROM step
    UNION ALL
    SELECT
        6 AS number,
        concat(
            'COMMENT ON CONSTRAINT ', pg_catalog.quote_ident(conname), ' ON ', pg_catalog.quote_ident(table_name),
            ' IS ', pg_catalog.quote_literal(comment)
        ) AS statement
    FROM not_null
    WHERE comment IS NOT NULL
    UNION ALL
    SELECT
        6 AS number,
        concat(
            altered, ' SET DEFAULT ',
            pg_catalog.left(expression, -pg_catalog.length(concat('::', pg_catalog.quote_ident(type_name))))
        ) AS statement
    FROM place
    WHERE expression IS NOT NULL
    UNION ALL
    SELECT
        6 AS number,
        concat(altered, ' SET STATISTICS ', statistics_target) AS statement
    FROM place
    WHERE statistics_target IS NOT NULL
    UNION ALL
    SELECT
        6 AS number,
        concat(altered, ' SET (', pg_catalog.array_to_string(options, ', '), ')') AS statement
    FROM place
    WHERE options IS NOT NULL
    UNION ALL
    SELECT
        6 AS number,
        concat(
            'COMMENT ON COLUMN ', pg_catalog.quote_ident(relation_name), '.', pg_catalog.quote_ident(column_name),
            ' IS ', pg_catalog.quote_literal(comment)
        ) AS statement
    FROM place
    WHERE comment IS NOT NULL
    UNION ALL
    SELECT
        6 AS number,
        concat(
            'ALTER INDEX ', pg_catalog.quote_ident(new_name), ' RENAME TO ', pg_catalog.quote_ident(old_name)
        ) AS statement
    FROM index_pair
    UNION ALL
    SELECT
        7 AS number,
        concat(
            'COMMENT ON INDEX ', pg_catalog.quote_ident(old_name),
            ' IS ', pg_catalog.quote_literal(pg_catalog.obj_description(old_oid, 'pg_class'))
        ) AS statement
    FROM index_pair
    WHERE pg_catalog.obj_description(old_oid, 'pg_class') IS NOT NULL
    UNION ALL
    SELECT
        8 AS number,
        concat('DROP TYPE ', name, '; ALTER TYPE ', new_name, ' RENAME TO ', name) AS statement
    FROM enum
    UNION ALL
    SELECT
        9 AS number,
        concat('COMMENT ON TYPE ', name, ' IS ', pg_catalog.quote_literal(comment)) AS statement
    FROM enum
    WHERE comment IS NOT NULL
    UNION ALL
    SELECT DISTINCT
        10 AS number,
        concat(
            'REVOKE ALL ON TYPE ', e.name, ' FROM ',
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END
        ) AS statement
    FROM enum AS e
    CROSS JOIN LATERAL
        pg_catalog.aclexplode(coalesce(e.new_grants, pg_catalog.acldefault('T', e.new_owner))) AS g
    WHERE e.grants IS DISTINCT FROM e.new_grants
    UNION ALL
    SELECT
        11 AS number,
        concat(
            'GRANT ', g.privilege_type, ' ON TYPE ', e.name, ' TO ',
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::pg_catalog.regrole::text END,
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END
        ) AS statement
    FROM enum AS e
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(e.grants, pg_catalog.acldefault('T', e.owner))) AS g
    WHERE e.grants IS DISTINCT FROM e.new_grants
    UNION ALL
    SELECT
        9 AS number,
        concat('ALTER TYPE ', name, ' OWNER TO ', owner::pg_catalog.regrole) AS statement
    FROM enum
    WHERE owner <> new_owner
    UNION ALL
    -- nothing of it changes, but open sessions make its plans anew, for the column's new type
    SELECT DISTINCT
        12 AS number,
        concat(
            'ALTER ROUTINE ', f.oid::pg_catalog.regprocedure, ' SECURITY ',
            CASE WHEN f.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END
        ) AS statement
    FROM pg_catalog.pg_proc AS f
    INNER JOIN pg_catalog.pg_language AS l ON f.prolang = l.oid
    INNER JOIN pg_catalog.pg_namespace AS n ON f.pronamespace = n.oid
    WHERE
        l.lanname = 'plpgsql'
        AND pg_catalog.pg_has_role(f.proowner, 'USAGE')
        AND f.proname NOT IN (SELECT m.guard FROM moved AS m)
        AND (
            n.nspname = pg_catalog.current_schema()
            OR f.oid IN (
                SELECT g.tgfoid
                FROM pg_catalog.pg_trigger AS g
                INNER JOIN place AS p ON g.tgrelid = p.relation_oid
            )
        )
)

SELECT
    number,
    statement
FROM statements
ORDER BY number, statement
