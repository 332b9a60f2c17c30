-- Owners, and grants that differ from the default privileges of the owner and of PUBLIC.
WITH mine AS (SELECT relations_of(current_schema()) AS oids),

object AS (
    SELECT
        coalesce(owner.relname, c.relname) AS relation,
        relation_kind(c.relkind) AS kind,
        c.relname::text AS name,
        c.relowner AS owner,
        c.relacl AS acl,
        acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner) AS built_in
    FROM pg_class AS c
    LEFT JOIN pg_depend AS d
        ON
            c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND c.oid = d.objid
            AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_class AS owner ON d.refobjid = owner.oid
    WHERE
        c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
        AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT
        c.relname AS relation,
        'column' AS kind,
        a.attname AS name,
        c.relowner AS owner,
        a.attacl AS acl,
        acldefault('c', c.relowner) AS built_in
    FROM pg_class AS c
    INNER JOIN pg_attribute AS a ON c.oid = a.attrelid
    WHERE
        c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND a.attacl IS NOT NULL
    UNION ALL
    SELECT
        '' AS relation,
        type_kind(t.typtype) AS kind,
        t.typname AS name,
        t.typowner AS owner,
        t.typacl AS acl,
        acldefault('T', t.typowner) AS built_in
    FROM pg_type AS t
    WHERE
        t.oid = any(objects_of('pg_type'::regclass, current_schema())::oid [])
        AND t.typnamespace = schema_oid(current_schema())
    UNION ALL
    SELECT
        '' AS relation,
        CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END
        AS kind,
        concat(p.proname, '(', pg_get_function_identity_arguments(p.oid), ')') AS name,
        p.proowner AS owner,
        p.proacl AS acl,
        acldefault('f', p.proowner) AS built_in
    FROM pg_proc AS p
    WHERE
        p.oid = any(objects_of('pg_proc'::regclass, current_schema())::oid [])
        AND p.pronamespace = schema_oid(current_schema())
    UNION ALL
    SELECT
        '' AS relation,
        'schema' AS kind,
        '' AS name,
        n.nspowner AS owner,
        n.nspacl AS acl,
        coalesce(i.initprivs, acldefault('n', n.nspowner)) AS built_in
    FROM pg_namespace AS n
    LEFT JOIN pg_init_privs AS i ON i.classoid = 'pg_namespace'::regclass AND n.oid = i.objoid
    WHERE n.nspname = current_schema()
    UNION ALL
    SELECT
        c.relname AS relation,
        'statistics' AS kind,
        s.stxname AS name,
        s.stxowner AS owner,
        NULL AS acl,
        NULL AS built_in
    FROM pg_statistic_ext AS s
    INNER JOIN pg_class AS c ON s.stxrelid = c.oid
    WHERE c.oid = any((SELECT m.oids FROM mine AS m)::oid [])
)

SELECT
    o.relation,
    o.kind,
    o.name,
    json_build_object(
        -- pg_database_owner stands for the database's owner
        'owner', nullif(pg_get_userbyid(o.owner), 'pg_database_owner'),
        'grants', (
            SELECT
                array_agg(
                    concat(
                        e.privilege_type, ' to ',
                        CASE e.grantee
                            WHEN 0 THEN 'public'
                            WHEN o.owner THEN 'its owner'
                            ELSE pg_get_userbyid(e.grantee)
                        END,
                        CASE WHEN e.is_grantable THEN ' with grant option' END,
                        CASE WHEN e.grantor <> o.owner THEN ' by ' || pg_get_userbyid(e.grantor) END
                    ) ORDER BY pg_get_userbyid(e.grantee) COLLATE "C", e.privilege_type, e.grantor
                )
            FROM (
                SELECT * FROM aclexplode(o.acl)
                EXCEPT
                SELECT * FROM aclexplode(o.built_in)
            ) AS e
        ),
        'revoked', (
            SELECT
                array_agg(
                    concat(
                        e.privilege_type, ' from ',
                        CASE e.grantee WHEN 0 THEN 'public' ELSE 'its owner' END
                    ) ORDER BY e.grantee, e.privilege_type
                )
            FROM (
                SELECT * FROM aclexplode(o.built_in)
                EXCEPT
                SELECT * FROM aclexplode(o.acl)
            ) AS e
            WHERE o.acl IS NOT NULL
        )
    ) AS attributes
FROM object AS o
