-- Whether the schema to work in has the table of lmsschema's settings.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid
        WHERE
            n.nspname = pg_catalog.current_schema()
            AND c.relname = 'lmsschema_settings'
            AND c.relkind = 'r'
    ) AS present
