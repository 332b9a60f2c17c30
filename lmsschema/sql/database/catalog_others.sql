-- Other objects in the schema or acting on it: extensions, operators, text search, publications and so on.
SELECT
    '' AS relation,
    'extension' AS kind,
    e.extname AS name,
    json_build_object(
        'version', e.extversion,
        'schema', CASE n.nspname WHEN current_schema() THEN NULL ELSE n.nspname END,
        'comment', comment_on('pg_extension'::regclass, e.oid, 0)
    ) AS attributes
FROM pg_extension AS e
INNER JOIN pg_namespace AS n ON e.extnamespace = n.oid
WHERE e.oid >= 16384 -- not those that initdb installs
UNION ALL
SELECT
    '' AS relation,
    i.type AS kind,
    replace(i.identity, concat(quote_ident(current_schema()), '.'), '') AS name,
    json_build_object() AS attributes
FROM pg_depend AS d
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
WHERE
    d.refclassid = 'pg_namespace'::regclass
    AND d.refobjid = schema_oid(current_schema())
    AND d.deptype = 'n'
    AND d.classid IN (
        'pg_collation'::regclass, 'pg_conversion'::regclass, 'pg_opclass'::regclass,
        'pg_operator'::regclass, 'pg_opfamily'::regclass, 'pg_ts_config'::regclass,
        'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass, 'pg_ts_template'::regclass
    )
    AND NOT of_extension(d.classid, d.objid)
UNION ALL
SELECT
    '' AS relation,
    'event trigger' AS kind,
    v.evtname AS name,
    json_build_object(
        'event', v.evtevent, 'tags', v.evttags, 'enabled', v.evtenabled,
        'function', v.evtfoid::regprocedure::text
    ) AS attributes
FROM pg_event_trigger AS v
WHERE NOT of_extension('pg_event_trigger'::regclass, v.oid)
UNION ALL
SELECT
    '' AS relation,
    'publication' AS kind,
    p.pubname AS name,
    json_build_object(
        'all tables', p.puballtables,
        'publishes', concat(p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot),
        'tables', (
            SELECT array_agg(concat_ws(' ', r.prrelid::regclass, r.prattrs,
                pg_get_expr(r.prqual, r.prrelid)) ORDER BY r.prrelid::regclass::text)
            FROM pg_publication_rel AS r
            WHERE r.prpubid = p.oid
        )
    ) AS attributes
FROM pg_publication AS p
UNION ALL
SELECT
    '' AS relation,
    'default privileges' AS kind,
    concat(
        'of ', pg_get_userbyid(a.defaclrole), ' on ',
        CASE a.defaclobjtype
            WHEN 'r' THEN 'tables'
            WHEN 'S' THEN 'sequences'
            WHEN 'f' THEN 'functions'
            WHEN 'T' THEN 'types'
            ELSE 'schemas'
        END
    ) AS name,
    json_build_object('grants', a.defaclacl::text []) AS attributes
FROM pg_default_acl AS a
WHERE
    a.defaclnamespace = schema_oid(current_schema())
UNION ALL
SELECT
    p.relname AS relation,
    'child table' AS kind,
    c.oid::regclass::text AS name,
    json_build_object() AS attributes
FROM pg_inherits AS h
INNER JOIN pg_class AS c ON h.inhrelid = c.oid AND c.relkind IN ('r', 'f') AND NOT c.relispartition
INNER JOIN pg_class AS p ON h.inhparent = p.oid
WHERE p.oid = any(relations_of(current_schema())::oid [])
UNION ALL
SELECT
    '' AS relation,
    'schema' AS kind,
    '' AS name,
    json_build_object(
        'comment', nullif(comment_on('pg_namespace'::regclass, n.oid, 0), 'standard public schema')
    ) AS attributes
FROM pg_namespace AS n
WHERE n.nspname = current_schema()
ORDER BY kind, name
