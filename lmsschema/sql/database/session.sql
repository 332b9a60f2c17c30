-- What this session is: the schema to work in, those of the search_path that hold an LMS, the role,
-- whether it may use the schema and create there. An LMS further down the path is meant before a
-- schema that stands earlier and holds none.
SELECT
    s.name AS schema_name,
    s.homes,
    s.name IS NOT DISTINCT FROM pg_catalog.current_schema() AS is_default,
    n.oid IS NOT NULL AS schema_exists,
    current_user AS role_name,
    pg_catalog.pg_is_in_recovery() AS in_recovery,
    pg_catalog.current_setting('transaction_read_only')::boolean AS read_only,
    n.oid IS NULL OR pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS can_use,
    CASE
        WHEN n.oid IS NOT NULL
            THEN
                pg_catalog.has_schema_privilege(n.oid, 'CREATE')
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        ELSE pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
    END AS can_create
FROM (
    SELECT
        h.homes,
        coalesce(%(schema)s::text, h.homes[1], pg_catalog.current_schema()) AS name
    FROM (
        SELECT
            array(
                SELECT p.name::text
                FROM unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS p (name, place)
                INNER JOIN pg_catalog.pg_namespace AS pn ON p.name = pn.nspname
                INNER JOIN pg_catalog.pg_class AS c ON pn.oid = c.relnamespace
                WHERE c.relname = 'lmsschema_version' AND c.relkind = 'r'
                ORDER BY p.place
            ) AS homes
    ) AS h
) AS s
LEFT JOIN pg_catalog.pg_namespace AS n ON s.name = n.nspname
