-- The statements that give a table the grants and storage parameters of another one: those that the
-- default partition has itself stay with the default. Names resolve in the search_path.
WITH source AS (
    SELECT c.oid, c.relowner, c.relacl, settable_options(c.reloptions) AS options
    FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = %(source)s
),

granted AS (
    SELECT null AS col, g.grantee, g.privilege_type, g.is_grantable
    FROM source AS s CROSS JOIN LATERAL pg_catalog.aclexplode(s.relacl) AS g
    WHERE g.grantee <> s.relowner
    UNION ALL
    SELECT a.attname, g.grantee, g.privilege_type, g.is_grantable
    FROM source AS s
    INNER JOIN pg_catalog.pg_attribute AS a ON s.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
    CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS g
    WHERE g.grantee <> s.relowner
)

SELECT
    pg_catalog.format(
        'GRANT %%s%%s ON %%I TO %%s%%s', privilege_type, ' (' || pg_catalog.quote_ident(col) || ')', %(target)s::text,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    ) AS statement
FROM granted
UNION ALL
SELECT pg_catalog.format('ALTER TABLE %%I SET (%%s)', %(target)s::text, pg_catalog.array_to_string(options, ', '))
FROM source
WHERE pg_catalog.cardinality(options) > 0
