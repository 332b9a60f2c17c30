-- The indexes, CHECKs and foreign keys of the tables of the schema that names resolve in, as statements: those come last that refer to others.
SELECT
    c.relname AS table_name,
    i.relname AS name,
    pg_catalog.pg_get_indexdef(i.oid, 0, TRUE) AS statement,
    1 AS place
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_index AS x ON c.oid = x.indrelid
INNER JOIN pg_catalog.pg_class AS i ON x.indexrelid = i.oid
WHERE
    c.oid = any(relations_of(pg_catalog.current_schema())::oid [])
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND x.indisvalid
UNION ALL
SELECT
    c.relname AS table_name,
    con.conname AS name,
    pg_catalog.format(
        'ALTER TABLE %I ADD CONSTRAINT %I %s',
        c.relname, con.conname, pg_catalog.pg_get_constraintdef(con.oid, TRUE)
    ) AS statement,
    CASE con.contype WHEN 'c' THEN 2 ELSE 3 END AS place
FROM pg_catalog.pg_class AS c
INNER JOIN pg_catalog.pg_constraint AS con ON c.oid = con.conrelid
WHERE
    c.oid = any(relations_of(pg_catalog.current_schema())::oid [])
    AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition
    AND con.contype IN ('c', 'f')
ORDER BY place, table_name, name
