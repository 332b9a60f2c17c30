-- Whether the schema to work in has the table of lmsschema's settings.
SELECT
    EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        WHERE
            c.relnamespace = schema_oid(pg_catalog.current_schema())
            AND c.relname = 'lmsschema_settings'
            AND c.relkind = 'r'
    ) AS present
