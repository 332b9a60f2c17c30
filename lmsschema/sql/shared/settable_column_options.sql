-- settable_column_options(options): those options of a column (attoptions) that ALTER COLUMN SET can set.
SELECT pg_catalog.array_agg(o ORDER BY o)
FROM pg_catalog.unnest(%(options)s) AS o
WHERE pg_catalog.split_part(o, '=', 1) IN ('n_distinct', 'n_distinct_inherited')
