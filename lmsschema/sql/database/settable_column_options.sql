-- Of a column's options (attoptions), those that ALTER COLUMN SET sets: PostgreSQL has no others.
SELECT pg_catalog.array_agg(o ORDER BY o)
FROM pg_catalog.unnest(options) AS o
WHERE pg_catalog.split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')
