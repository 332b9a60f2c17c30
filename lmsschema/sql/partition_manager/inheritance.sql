-- What partitions, or tables that are to become ones, lack of what their table has and LIKE does not
-- copy: one row a difference, with the statement that mends it. Names resolve in the search_path.
WITH pair AS (
    SELECT
        p.oid AS parent,
        c.oid AS child,
        c.relname AS name,
        p.relname AS parent_name,
        c.relispartition AS attached,
        coalesce(pg_catalog.pg_get_expr(c.relpartbound, 0) = 'DEFAULT', false) AS is_default,
        pg_catalog.quote_ident(c.relname) AS ident,
        p.relowner AS parent_owner,
        c.relowner AS child_owner,
        coalesce(p.relacl, pg_catalog.acldefault('r', p.relowner)) AS parent_acl,
        coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner)) AS child_acl,
        p.relreplident AS parent_identity,
        c.relreplident AS child_identity,
        p.relrowsecurity AS parent_rls,
        c.relrowsecurity AS child_rls,
        p.relforcerowsecurity AS parent_forced,
        c.relforcerowsecurity AS child_forced,
        p.reltablespace AS parent_space,
        c.reltablespace AS child_space
    FROM pg_catalog.pg_class AS p
    CROSS JOIN
        LATERAL (
            SELECT i.inhrelid
            FROM pg_catalog.pg_inherits AS i
            WHERE i.inhparent = p.oid AND %(partitions)s::text[] IS NULL
            UNION ALL
            SELECT o.oid
            FROM pg_catalog.pg_class AS o
            WHERE o.relnamespace = p.relnamespace AND o.relname = any(%(partitions)s::text[])
        ) AS t (oid)
    INNER JOIN pg_catalog.pg_class AS c
        ON t.oid = c.oid AND c.relnamespace = p.relnamespace AND c.relkind IN ('r', 'p')
    WHERE
        p.relnamespace = schema_oid(%(schema)s)
        AND p.relname = %(table)s
),

-- an owner's own rights follow the owner
parent_grant AS (
    SELECT pair.child, g.grantee, g.privilege_type, g.is_grantable
    FROM pair CROSS JOIN LATERAL pg_catalog.aclexplode(pair.parent_acl) AS g
    WHERE g.grantee <> pair.parent_owner
),

child_grant AS (
    SELECT pair.child, g.grantee, g.privilege_type, g.is_grantable
    FROM pair CROSS JOIN LATERAL pg_catalog.aclexplode(pair.child_acl) AS g
    WHERE g.grantee NOT IN (pair.child_owner, pair.parent_owner)
),

attribute AS (
    SELECT
        pair.child,
        pa.attname AS name,
        pa.attacl AS parent_acl,
        ca.attacl AS child_acl,
        coalesce(pa.attstattarget, -1) AS parent_target,
        coalesce(ca.attstattarget, -1) AS child_target,
        settable_column_options(pa.attoptions) AS parent_options,
        settable_column_options(ca.attoptions) AS child_options,
        pg_catalog.col_description(pair.parent, pa.attnum) AS parent_comment,
        pg_catalog.col_description(pair.child, ca.attnum) AS child_comment
    FROM pair
    INNER JOIN pg_catalog.pg_attribute AS pa
        ON pair.parent = pa.attrelid AND pa.attnum > 0 AND NOT pa.attisdropped
    INNER JOIN pg_catalog.pg_attribute AS ca
        ON pair.child = ca.attrelid AND pa.attname = ca.attname AND NOT ca.attisdropped
),

parent_column_grant AS (
    SELECT a.child, a.name, g.grantee, g.privilege_type, g.is_grantable
    FROM attribute AS a CROSS JOIN LATERAL pg_catalog.aclexplode(a.parent_acl) AS g
),

child_column_grant AS (
    SELECT a.child, a.name, g.grantee, g.privilege_type, g.is_grantable
    FROM attribute AS a CROSS JOIN LATERAL pg_catalog.aclexplode(a.child_acl) AS g
),

-- an expression is printed with the names of the table that it is to be used on
policy AS (
    SELECT
        pair.child,
        own.oid IS NOT NULL AS of_parent,
        pol.polname AS name,
        pg_catalog.format(
            'AS %%s FOR %%s TO %%s%%s%%s',
            CASE WHEN pol.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
            CASE pol.polcmd
                WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL'
            END,
            (
                SELECT pg_catalog.string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r)
                FROM pg_catalog.unnest(pol.polroles) AS r
            ),
            ' USING (' || pg_catalog.pg_get_expr(pol.polqual, pair.child) || ')',
            ' WITH CHECK (' || pg_catalog.pg_get_expr(pol.polwithcheck, pair.child) || ')'
        ) AS definition
    FROM pair
    INNER JOIN pg_catalog.pg_policy AS pol ON pol.polrelid IN (pair.parent, pair.child)
    LEFT JOIN pg_catalog.pg_class AS own ON pol.polrelid = own.oid AND own.oid = pair.parent
),

statistic AS (
    SELECT
        pair.child,
        s.stxrelid = pair.parent AS of_parent,
        pg_catalog.pg_get_statisticsobjdef_columns(s.oid) AS columns,
        (SELECT pg_catalog.array_agg(k ORDER BY k) FROM pg_catalog.unnest(s.stxkind) AS k WHERE k <> 'e') AS kinds
    FROM pair
    INNER JOIN pg_catalog.pg_statistic_ext AS s ON s.stxrelid IN (pair.parent, pair.child)
),

finding AS (
    SELECT child, 1 AS rank, 'owner' AS kind,
        pg_catalog.format('ALTER TABLE %%s OWNER TO %%s', ident, parent_owner::regrole) AS statement
    FROM pair WHERE parent_owner <> child_owner

    UNION ALL
    SELECT g.child, 3, 'grant',
        pg_catalog.format(
            'GRANT %%s ON %%s TO %%s%%s', g.privilege_type, pair.ident,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        )
    FROM (SELECT * FROM parent_grant EXCEPT SELECT * FROM child_grant) AS g
    INNER JOIN pair ON g.child = pair.child

    UNION ALL
    SELECT g.child, 2, 'grant',
        pg_catalog.format(
            'REVOKE %%s ON %%s FROM %%s CASCADE', g.privilege_type, pair.ident,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
        )
    FROM (SELECT * FROM child_grant EXCEPT SELECT * FROM parent_grant) AS g
    INNER JOIN pair ON g.child = pair.child AND NOT pair.is_default -- it has grants of its own

    UNION ALL
    SELECT g.child, 5, 'grant',
        pg_catalog.format(
            'GRANT %%s (%%I) ON %%s TO %%s%%s', g.privilege_type, g.name, pair.ident,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
            CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        )
    FROM (SELECT * FROM parent_column_grant EXCEPT SELECT * FROM child_column_grant) AS g
    INNER JOIN pair ON g.child = pair.child

    UNION ALL
    SELECT g.child, 4, 'grant',
        pg_catalog.format(
            'REVOKE %%s (%%I) ON %%s FROM %%s CASCADE', g.privilege_type, g.name, pair.ident,
            CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END
        )
    FROM (SELECT * FROM child_column_grant EXCEPT SELECT * FROM parent_column_grant) AS g
    INNER JOIN pair ON g.child = pair.child AND NOT pair.is_default

    UNION ALL
    SELECT child, 6, 'row security',
        pg_catalog.format(
            'ALTER TABLE %%s %%s ROW LEVEL SECURITY', ident, CASE WHEN parent_rls THEN 'ENABLE' ELSE 'DISABLE' END
        )
    FROM pair WHERE parent_rls <> child_rls

    UNION ALL
    SELECT child, 6, 'row security',
        pg_catalog.format(
            'ALTER TABLE %%s %%s ROW LEVEL SECURITY', ident, CASE WHEN parent_forced THEN 'FORCE' ELSE 'NO FORCE' END
        )
    FROM pair WHERE parent_forced <> child_forced

    UNION ALL
    SELECT l.child, 7, 'policy', pg_catalog.format('DROP POLICY %%I ON %%s', l.name, pair.ident)
    FROM policy AS l INNER JOIN pair ON l.child = pair.child
    WHERE
        NOT l.of_parent
        AND NOT EXISTS (
            SELECT FROM policy AS o
            WHERE o.child = l.child AND o.of_parent AND o.name = l.name AND o.definition = l.definition
        )

    UNION ALL
    SELECT l.child, 8, 'policy', pg_catalog.format('CREATE POLICY %%I ON %%s %%s', l.name, pair.ident, l.definition)
    FROM policy AS l INNER JOIN pair ON l.child = pair.child
    WHERE
        l.of_parent
        AND NOT EXISTS (
            SELECT FROM policy AS o
            WHERE o.child = l.child AND NOT o.of_parent AND o.name = l.name AND o.definition = l.definition
        )

    UNION ALL
    SELECT a.child, 9, 'statistics target',
        pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET STATISTICS %%s', pair.ident, a.name, a.parent_target)
    FROM attribute AS a INNER JOIN pair ON a.child = pair.child
    WHERE a.parent_target <> a.child_target

    UNION ALL
    SELECT a.child, 9, 'statistics target',
        pg_catalog.format(
            'ALTER TABLE %%s ALTER COLUMN %%I SET (%%s)', pair.ident, a.name,
            pg_catalog.array_to_string(a.parent_options, ', ')
        )
    FROM attribute AS a INNER JOIN pair ON a.child = pair.child
    WHERE NOT a.parent_options <@ coalesce(a.child_options, '{}')

    UNION ALL
    SELECT
        s.child, 9, 'extended statistics',
        pg_catalog.format(
            'CREATE STATISTICS %%I%%s ON %%s FROM %%s',
            pg_catalog.left(pair.name, 46) || '_' || pg_catalog.left(pg_catalog.md5(s.columns), 8) || '_stat',
            coalesce(
                ' (' || (
                    SELECT pg_catalog.string_agg(
                        CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', '
                    )
                    FROM pg_catalog.unnest(s.kinds) AS k
                ) || ')',
                ''
            ),
            s.columns, pair.ident
        )
    FROM statistic AS s INNER JOIN pair ON s.child = pair.child
    WHERE
        s.of_parent
        AND NOT EXISTS (
            SELECT FROM statistic AS o
            WHERE
                o.child = s.child AND NOT o.of_parent AND o.columns = s.columns
                AND o.kinds IS NOT DISTINCT FROM s.kinds
        )

    -- a table that names none does not say where its partitions lie
    UNION ALL
    SELECT child, 9, 'tablespace',
        pg_catalog.format(
            'ALTER TABLE %%s SET TABLESPACE %%I', ident,
            (SELECT t.spcname FROM pg_catalog.pg_tablespace AS t WHERE t.oid = parent_space)
        )
    FROM pair WHERE parent_space <> child_space AND parent_space <> 0

    UNION ALL
    SELECT child, 9, 'comment',
        pg_catalog.format('COMMENT ON TABLE %%s IS %%L', ident, pg_catalog.obj_description(parent, 'pg_class'))
    FROM pair
    WHERE
        pg_catalog.obj_description(parent, 'pg_class') IS NOT NULL
        AND pg_catalog.obj_description(child, 'pg_class') IS NULL

    UNION ALL
    SELECT a.child, 9, 'comment',
        pg_catalog.format('COMMENT ON COLUMN %%s.%%I IS %%L', pair.ident, a.name, a.parent_comment)
    FROM attribute AS a INNER JOIN pair ON a.child = pair.child
    WHERE a.parent_comment IS NOT NULL AND a.child_comment IS NULL

    UNION ALL
    SELECT child, 9, 'replica identity',
        pg_catalog.format(
            'ALTER TABLE %%s REPLICA IDENTITY %%s', ident,
            CASE parent_identity WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' ELSE 'DEFAULT' END
        )
    FROM pair WHERE parent_identity <> child_identity AND parent_identity <> 'i'

    UNION ALL
    SELECT pair.child, 9, 'replica identity',
        pg_catalog.format('ALTER TABLE %%s REPLICA IDENTITY USING INDEX %%I', pair.ident, own.relname)
    FROM pair
    INNER JOIN pg_catalog.pg_index AS pi ON pair.parent = pi.indrelid AND pi.indisreplident
    INNER JOIN pg_catalog.pg_inherits AS i ON pi.indexrelid = i.inhparent
    INNER JOIN pg_catalog.pg_index AS ci ON i.inhrelid = ci.indexrelid AND pair.child = ci.indrelid
    INNER JOIN pg_catalog.pg_class AS own ON ci.indexrelid = own.oid
    WHERE pair.parent_identity = 'i' AND NOT (pair.child_identity = 'i' AND ci.indisreplident)
)

SELECT pair.name AS partition, finding.kind, finding.statement
FROM finding INNER JOIN pair ON finding.child = pair.child
ORDER BY pair.name, finding.rank, finding.statement
