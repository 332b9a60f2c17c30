-- The statements that make, on tables that nobody uses, what the old columns and indexes are replaced by.
WITH moved AS (
    %(columns)s
),

pair AS (
    %(indexes)s
)

SELECT
    0 AS number,
    concat(
        'CREATE TYPE ', pg_catalog.quote_ident(concat(pg_catalog.left(t.typname, 12), '_new_', t.oid)), ' AS ENUM (',
        (
            SELECT pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
            FROM pg_catalog.pg_enum AS l
            WHERE t.oid = l.enumtypid AND l.enumlabel <> %(label)s
        ),
        ')'
    ) AS statement
FROM pg_catalog.pg_type AS t
INNER JOIN pg_catalog.pg_namespace AS n ON t.typnamespace = n.oid
WHERE n.nspname = pg_catalog.current_schema() AND t.typname = %(type)s
UNION ALL
SELECT
    1 AS number,
    concat(
        'ALTER TABLE ', pg_catalog.quote_ident(table_name), ' ',
        pg_catalog.string_agg(
            concat('ADD COLUMN ', pg_catalog.quote_ident(new_column), ' ', pg_catalog.quote_ident(new_type)),
            ', ' ORDER BY column_number
        ),
        -- in one pass, and no trigger fires
        '; ALTER TABLE ', pg_catalog.quote_ident(table_name), ' ',
        pg_catalog.string_agg(
            concat(
                'ALTER COLUMN ', pg_catalog.quote_ident(new_column), ' TYPE ', pg_catalog.quote_ident(new_type),
                ' USING (', pg_catalog.quote_ident(column_name), '::text::', pg_catalog.quote_ident(new_type), ')'
            ),
            ', ' ORDER BY column_number
        )
    ) AS statement
FROM moved
GROUP BY table_name
UNION ALL
SELECT
    2 AS number,
    concat(
        'CREATE INDEX ', pg_catalog.quote_ident(new_index), ' ON ', pg_catalog.quote_ident(table_name),
        ' (', new_keys, ')'
    ) AS statement
FROM pair
ORDER BY number, statement
