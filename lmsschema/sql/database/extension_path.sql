-- Set search_path to a schema, followed by the schemas of the database's extensions.
SELECT
    pg_catalog.set_config(
        'search_path',
        pg_catalog.concat_ws(
            ', ',
            pg_catalog.quote_ident(%(schema)s),
            (
                SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_ident(n.nspname), ', ')
                FROM pg_catalog.pg_extension AS e
                INNER JOIN pg_catalog.pg_namespace AS n ON e.extnamespace = n.oid
                WHERE n.nspname NOT IN ('pg_catalog', %(schema)s)
            ),
            'pg_temp'
        ),
        TRUE
    ) AS search_path
