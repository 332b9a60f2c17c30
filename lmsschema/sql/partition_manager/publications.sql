-- The publications that would publish what is copied into new tables of a schema, and those that list
-- the default.
SELECT p.pubname AS name
FROM pg_catalog.pg_publication AS p
WHERE
    (%(copies)s AND p.puballtables)
    OR %(copies)s
    AND EXISTS (
        SELECT FROM pg_catalog.pg_publication_namespace AS pn
        INNER JOIN pg_catalog.pg_namespace AS n ON pn.pnnspid = n.oid
        WHERE pn.pnpubid = p.oid AND n.nspname = %(schema)s
    )
    OR EXISTS (
        SELECT FROM pg_catalog.pg_publication_rel AS pr
        INNER JOIN pg_catalog.pg_class AS c ON pr.prrelid = c.oid
        INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
        WHERE pr.prpubid = p.oid AND n.nspname = %(schema)s AND c.relname = %(default)s
    )
ORDER BY p.pubname
