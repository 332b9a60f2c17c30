-- relations_of(schema): the oids of the tables, partitions, views, sequences and foreign tables of a schema. As an
-- array they are looked up one by one, whatever the statistics of the catalogs say.
SELECT
    ARRAY(
        SELECT rel.oid
        FROM pg_catalog.pg_depend AS dep
        INNER JOIN pg_catalog.pg_class AS rel ON dep.objid = rel.oid AND dep.refobjid = rel.relnamespace
        WHERE
            dep.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
            AND dep.refobjid = (SELECT ns.oid FROM pg_catalog.pg_namespace AS ns WHERE ns.nspname = %(schema)s)
            AND dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    )
