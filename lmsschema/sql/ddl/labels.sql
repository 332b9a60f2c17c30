-- The labels of an enum in their order.
SELECT e.enumlabel AS label
FROM pg_catalog.pg_enum AS e
INNER JOIN pg_catalog.pg_type AS t ON e.enumtypid = t.oid
WHERE t.typnamespace = schema_oid(pg_catalog.current_schema()) AND t.typname = %(type)s
ORDER BY e.enumsortorder
