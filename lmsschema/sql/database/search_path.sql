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
                    SELECT FROM pg_catalog.pg_depend AS made
                    WHERE
                        made.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                        AND made.refobjid = n.oid
                        AND made.classid IN (
                            'pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass,
                            'pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,
                            'pg_catalog.pg_collation'::pg_catalog.regclass
                        )
                        -- neither an extension's, nor a part of another object, such as a multirange
                        AND NOT EXISTS (
                            SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.classid = made.classid AND d.objid = made.objid AND d.deptype IN ('e', 'i')
                        )
                )
        )
    ) AS search_path
