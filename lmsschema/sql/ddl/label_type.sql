-- The name of the enum that is to take an enum's place, while a label is removed.
SELECT concat(pg_catalog.left(t.typname, 12), '_new_', t.oid) AS new_type
FROM pg_catalog.pg_type AS t
INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %(type)s AND t.typtype = 'e'
