-- Foreign keys and CHECKs; one that a partition has from its parent goes by the parent's name.
SELECT
    c.relname AS relation,
    CASE con.contype WHEN 'f' THEN 'foreign key' ELSE 'check' END AS kind,
    coalesce(parent.conname, con.conname) AS name,
    json_build_object(
        'own name', con.conname,
        'definition', pg_get_constraintdef(con.oid),
        'inherited', parent.oid IS NOT NULL OR con.coninhcount > 0,
        'triggers', CASE
            WHEN con.contype = 'f'
                THEN (
                    SELECT string_agg(DISTINCT tg.tgenabled::text, '')
                    FROM pg_trigger AS tg
                    WHERE tg.tgconstraint = con.oid AND tg.tgisinternal
                )
        END,
        'comment', obj_description(con.oid, 'pg_constraint')
    ) AS attributes
FROM pg_class AS c
INNER JOIN pg_constraint AS con ON c.oid = con.conrelid AND con.contype IN ('f', 'c')
LEFT JOIN pg_constraint AS parent ON con.conparentid = parent.oid
WHERE
    c.relnamespace = (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = current_schema())
    -- a key that refers to a partitioned table has a row for each of that table's partitions
    AND (parent.oid IS NULL OR parent.conrelid <> con.conrelid)
ORDER BY c.relname, parent.oid IS NULL, con.conname
