-- What replicates a default partition: publications of all tables or of its schema, those that list it by
-- name (with the columns and the condition of the rows), and enabled subscriptions that apply to it.
WITH target AS (
    SELECT c.oid, c.relnamespace AS namespace
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = schema_oid(%(schema)s) AND c.relname = %(table)s
)

SELECT
    'everything' AS what,
    p.pubname AS name,
    null::text[] AS columns,
    null AS condition,
    false AS owned
FROM pg_catalog.pg_publication AS p
CROSS JOIN target AS t
WHERE
    p.puballtables
    OR EXISTS (
        SELECT FROM pg_catalog.pg_publication_namespace AS pn
        WHERE pn.pnpubid = p.oid AND t.namespace = pn.pnnspid
    )

UNION ALL
SELECT
    'listed',
    p.pubname,
    (
        SELECT pg_catalog.array_agg(a.attname::text ORDER BY u.place)
        FROM pg_catalog.unnest(pr.prattrs::int2[]) WITH ORDINALITY AS u (number, place)
        INNER JOIN pg_catalog.pg_attribute AS a ON t.oid = a.attrelid AND u.number = a.attnum
    ),
    pg_catalog.pg_get_expr(pr.prqual, pr.prrelid),
    pg_catalog.pg_has_role(p.pubowner, 'USAGE')
FROM target AS t
INNER JOIN pg_catalog.pg_publication_rel AS pr ON t.oid = pr.prrelid
INNER JOIN pg_catalog.pg_publication AS p ON pr.prpubid = p.oid

UNION ALL
SELECT 'subscription', s.subname, null, null, false
FROM target AS t
INNER JOIN pg_catalog.pg_subscription_rel AS sr ON t.oid = sr.srrelid
INNER JOIN pg_catalog.pg_subscription AS s ON sr.srsubid = s.oid AND s.subenabled
ORDER BY 1, 2
