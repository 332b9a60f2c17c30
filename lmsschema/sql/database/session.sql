-- What this session is: the schema to work in, the role, whether it may use and create there.
SELECT
    s.name AS schema_name,
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
FROM (SELECT coalesce(%(schema)s::text, pg_catalog.current_schema()) AS name) AS s
LEFT JOIN pg_catalog.pg_namespace AS n ON s.name = n.nspname
