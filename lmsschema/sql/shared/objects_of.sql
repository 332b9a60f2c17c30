-- objects_of(catalog, schema): the oids of the objects in pg_type or pg_proc that depend on a schema, which are those
-- in it, but for row and array types, and a rare one in another schema. pg_depend alone has an index for it.
SELECT
    ARRAY(
        SELECT dep.objid
        FROM pg_catalog.pg_depend AS dep
        WHERE
            dep.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND dep.refobjid = (SELECT ns.oid FROM pg_catalog.pg_namespace AS ns WHERE ns.nspname = %(schema)s)
            AND dep.classid = %(catalog)s
    )
