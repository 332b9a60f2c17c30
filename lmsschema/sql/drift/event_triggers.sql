-- The event triggers whose functions are named in the context of an error.
SELECT t.evtname AS trigger_name
FROM pg_catalog.pg_event_trigger AS t
INNER JOIN pg_catalog.pg_proc AS p ON t.evtfoid = p.oid
WHERE
    t.evtenabled <> 'D'
    AND pg_catalog.strpos(%(context)s, pg_catalog.concat(pg_catalog.quote_ident(p.proname), '()')) > 0
ORDER BY t.evtname
