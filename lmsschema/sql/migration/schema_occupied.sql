-- Whether a schema holds any table, type or function.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE
            d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND d.refobjid = schema_oid(%(schema)s)
            AND d.classid IN (
                'pg_catalog.pg_class'::pg_catalog.regclass,
                'pg_catalog.pg_type'::pg_catalog.regclass,
                'pg_catalog.pg_proc'::pg_catalog.regclass
            )
    ) AS occupied
