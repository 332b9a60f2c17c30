-- A search_path for a schema that finds what the database's extensions have made as well, after its own.
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
