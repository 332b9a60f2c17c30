-- Foreign keys and CHECKs. One that a partition inherits has the name of the parent's constraint.
SELECT
    c.relname AS relation,
    CASE con.contype WHEN 'f' THEN 'foreign key' ELSE 'check' END AS kind,
    coalesce(parent.conname, con.conname) AS name,
    json_build_object(
        'own name', con.conname,
        'definition', pg_get_constraintdef(con.oid),
        'inherited', parent.oid IS NOT NULL OR con.coninhcount > 0,
        'triggers', CASE WHEN con.contype = 'f' THEN constraint_triggers(con.oid) END,
        'comment', comment_on('pg_constraint'::regclass, con.oid, 0)
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_constraint AS con ON c.oid = con.conrelid AND con.contype IN ('f', 'c')
LEFT JOIN pg_constraint AS parent ON con.conparentid = parent.oid
WHERE
    c.oid = any(relations_of(current_schema())::oid [])
    -- not the further rows of a key that refers to a partitioned table, one per partition
    AND (parent.oid IS NULL OR parent.conrelid <> con.conrelid)
ORDER BY c.relname, parent.oid IS NULL, con.conname
