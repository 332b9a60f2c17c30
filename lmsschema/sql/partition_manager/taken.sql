-- Which of some names relations of a schema have that are no partitions of a table, nor left by a move
-- of its rows, which removes them.
SELECT c.relname AS name
FROM pg_catalog.pg_class AS c
WHERE
    c.relnamespace = schema_oid(%(schema)s)
    AND c.relname = any(%(names)s::text[])
    AND pg_catalog.obj_description(c.oid, 'pg_class') IS DISTINCT FROM %(mark)s
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS i
        INNER JOIN pg_catalog.pg_class AS p ON i.inhparent = p.oid
        WHERE i.inhrelid = c.oid AND p.relnamespace = c.relnamespace AND p.relname = %(table)s
    )
