-- The functions of a name with that many arguments.
SELECT
    p.prosrc AS body,
    pg_catalog.pg_get_function_arguments(p.oid) AS arguments,
    pg_catalog.pg_get_functiondef(p.oid) AS definition
FROM pg_catalog.pg_proc AS p
WHERE
    p.pronamespace = schema_oid(pg_catalog.current_schema())
    AND p.proname = %(name)s
    AND p.pronargs = %(arguments)s
    AND p.prokind = 'f'
