-- The bodies of the functions of a name that take no argument.
SELECT p.prosrc AS body
FROM pg_catalog.pg_proc AS p
INNER JOIN pg_catalog.pg_namespace AS n ON p.pronamespace = n.oid
WHERE n.nspname = pg_catalog.current_schema() AND p.proname = %(name)s AND p.pronargs = 0
