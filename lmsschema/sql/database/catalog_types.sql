-- Enums, domains, composite, range and base types, without the row types of tables and array types.
SELECT
    '' AS relation,
    type_kind(t.typtype) AS kind,
    t.typname AS name,
    json_build_object(
        'labels', (
            SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder)
            FROM pg_enum AS e
            WHERE e.enumtypid = t.oid
        ),
        'type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        'not null', t.typnotnull,
        'default', coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault),
        'collation', CASE
            WHEN t.typtype = 'd' AND t.typcollation <> 0 THEN t.typcollation::regcollation::text
        END,
        'constraints', (
            SELECT
                array_agg(
                    concat_ws(
                        ' ', con.conname, pg_get_constraintdef(con.oid),
                        comment_on('pg_constraint'::regclass, con.oid, 0)
                    ) ORDER BY con.conname
                )
            FROM pg_constraint AS con
            WHERE con.conrelid = 0 AND con.contypid = t.oid AND con.contype = 'c'
        ),
        'attributes', (
            SELECT
                array_agg(
                    concat_ws(
                        ' ', a.attname, format_type(a.atttypid, a.atttypmod),
                        comment_on('pg_class'::regclass, a.attrelid, a.attnum)
                    ) ORDER BY a.attnum
                )
            FROM pg_attribute AS a
            WHERE
                t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0
                AND NOT a.attisdropped
        ),
        'range', (
            SELECT
                concat_ws(
                    ' ', format_type(r.rngsubtype, NULL), r.rngcollation::regcollation,
                    r.rngcanonical, r.rngsubdiff, format_type(r.rngmultitypid, NULL)
                )
            FROM pg_range AS r
            WHERE r.rngtypid = t.oid
        ),
        'comment', comment_on('pg_type'::regclass, t.oid, 0)
    ) AS attributes
FROM pg_type AS t
LEFT JOIN pg_class AS c ON t.typrelid = c.oid
WHERE
    t.oid = any(objects_of('pg_type'::regclass, current_schema())::oid [])
    AND t.typnamespace = schema_oid(current_schema())
    AND (t.typtype IN ('b', 'd', 'e', 'p', 'r') OR c.relkind = 'c')
    AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.oid = t.typelem AND element.typarray = t.oid)
    AND NOT of_extension('pg_type'::regclass, t.oid)
ORDER BY t.typname
