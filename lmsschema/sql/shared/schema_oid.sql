-- schema_oid(schema): the oid of a schema; null if there is none.
SELECT n.oid
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname = %(schema)s
