-- inheriting(parent): the names of the partitions of a table, or of the attached parts of an index.
SELECT
    ARRAY(
        SELECT child.relname::text
        FROM pg_catalog.pg_inherits AS inh
        INNER JOIN pg_catalog.pg_class AS child ON inh.inhrelid = child.oid
        WHERE inh.inhparent = %(parent)s
        ORDER BY child.relname
    )
