-- settable_options(options): those options of a table, an index or a foreign object that DDL can set.
-- Access methods and extensions add further names; names that begin with pg_ are the server's own.
SELECT pg_catalog.array_agg(o ORDER BY o)
FROM pg_catalog.unnest(%(options)s) AS o
WHERE NOT pg_catalog.starts_with(o, 'pg_')
