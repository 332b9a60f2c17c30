-- Tables in the order given, each followed by its partitions in the order of their names.
SELECT c.relname AS name
FROM pg_catalog.unnest(%(tables)s::text[]) WITH ORDINALITY AS w (name, number)
INNER JOIN pg_catalog.pg_class AS p ON p.relnamespace = schema_oid(%(schema)s) AND p.relname = w.name
CROSS JOIN
    LATERAL (
        SELECT p.oid
        UNION ALL
        SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = p.oid
    ) AS t (oid)
INNER JOIN pg_catalog.pg_class AS c ON t.oid = c.oid
ORDER BY w.number, c.oid <> p.oid, c.relname
