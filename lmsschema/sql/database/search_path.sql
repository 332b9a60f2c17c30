-- A search_path for a schema in which statements that change it find what extensions have made as well. Another
-- schema counts only if all in it is an extension's, and not everybody may make something there: a name that the
-- schema lacks must never mean somebody else's table, type or function.
SELECT
    pg_catalog.concat_ws(
        ', ',
        pg_catalog.quote_ident(%(schema)s),
        (
            SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', ' ORDER BY n.nspname)
            FROM pg_catalog.pg_namespace AS n
            WHERE
                n.oid IN (SELECT e.extnamespace FROM pg_catalog.pg_extension AS e)
                AND n.nspname NOT IN ('pg_catalog', %(schema)s)
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                AND NOT pg_catalog.has_schema_privilege('public', n.oid, 'CREATE')
                AND NOT EXISTS (
                    SELECT FROM (
                        SELECT
                            c.tableoid,
                            c.oid
                        FROM pg_catalog.pg_class AS c
                        -- indexes are no extension's, but their tables'
                        WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
                        UNION ALL
                        SELECT
                            t.tableoid,
                            t.oid
                        FROM pg_catalog.pg_type AS t
                        -- rows, arrays and multiranges are those of another type or table
                        WHERE t.typnamespace = n.oid AND t.typrelid = 0 AND t.typcategory <> 'A' AND t.typtype <> 'm'
                        UNION ALL
                        SELECT
                            p.tableoid,
                            p.oid
                        FROM pg_catalog.pg_proc AS p
                        WHERE p.pronamespace = n.oid
                        UNION ALL
                        SELECT
                            o.tableoid,
                            o.oid
                        FROM pg_catalog.pg_operator AS o
                        WHERE o.oprnamespace = n.oid
                        UNION ALL
                        SELECT
                            l.tableoid,
                            l.oid
                        FROM pg_catalog.pg_collation AS l
                        WHERE l.collnamespace = n.oid
                    ) AS made
                    WHERE
                        NOT EXISTS (
                            SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.classid = made.tableoid AND d.objid = made.oid AND d.deptype = 'e'
                        )
                )
        )
    ) AS search_path
