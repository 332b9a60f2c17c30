-- Functions, procedures and aggregates, by signature.
SELECT
    '' AS relation,
    CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
    concat(p.proname, '(', pg_get_function_identity_arguments(p.oid), ')') AS name,
    json_build_object(
        'definition', CASE
            WHEN p.prokind <> 'a'
                THEN replace(
                    replace(
                        pg_get_functiondef(p.oid),
                        concat(quote_ident(current_schema()), '.', quote_ident(p.proname), '('),
                        concat(quote_ident(p.proname), '(')
                    ),
                    concat(' SET search_path TO ', quote_literal(current_schema())),
                    ' SET search_path TO (its schema)'
                )
            ELSE concat_ws(
                ' ', pg_get_function_result(p.oid), a.aggtransfn, a.aggfinalfn, a.aggcombinefn,
                format_type(a.aggtranstype, NULL), a.agginitval, a.aggsortop, p.proparallel
            )
        END,
        'comment', comment_on('pg_proc'::regclass, p.oid, 0)
    ) AS attributes
FROM pg_proc AS p
LEFT JOIN pg_aggregate AS a ON p.oid = a.aggfnoid
WHERE
    p.oid = any(objects_of('pg_proc'::regclass, current_schema())::oid [])
    AND p.pronamespace = schema_oid(current_schema())
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE
            (d.classid, d.objid) = ('pg_proc'::regclass, p.oid)
            -- of an extension, or the constructor of a range type
            AND d.deptype IN ('e', 'i')
    )
ORDER BY p.proname, name
