-- Tables in the order given, each followed by its partitions in the order of their names.
SELECT c.relname AS name
FROM pg_catalog.unnest(%(tables)s::text[]) WITH ORDINALITY AS w (name, number)
INNER JOIN pg_catalog.pg_namespace AS n ON n.nspname = %(schema)s
INNER JOIN pg_catalog.pg_class AS p ON n.oid = p.relnamespace AND p.relname = w.name
INNER JOIN pg_catalog.pg_class AS c
    ON p.oid = c.oid OR c.oid IN (SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = p.oid)
ORDER BY w.number, c.oid <> p.oid, c.relname
