-- referring_to(relation): the oids of the constraints that depend on a table: foreign keys that refer to it are among
-- them. pg_constraint has no index for that.
SELECT
    ARRAY(
        SELECT dep.objid
        FROM pg_catalog.pg_depend AS dep
        WHERE
            dep.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND dep.refobjid = %(relation)s
            AND dep.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
    )
