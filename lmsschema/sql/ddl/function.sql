-- The bodies of the functions of a name that take no argument.
SELECT
    p.prosrc AS body,
    l.lanname = 'plpgsql'
    AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
    AND NOT p.prosecdef
    AND p.proconfig IS NULL AS is_plain,
    pg_catalog.pg_get_functiondef(p.oid) AS definition
FROM pg_catalog.pg_proc AS p
INNER JOIN pg_catalog.pg_language AS l ON p.prolang = l.oid
WHERE p.pronamespace = schema_oid(pg_catalog.current_schema()) AND p.proname = %(name)s AND p.pronargs = 0 AND p.prokind = 'f'
