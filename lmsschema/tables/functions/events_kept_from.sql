-- From when on all events are there: the earliest month that has a partition. What was computed from
-- months that were pruned is never computed anew.
CREATE FUNCTION events_kept_from() RETURNS TIMESTAMP WITH TIME ZONE LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        min(coalesce(
            substring(b.bounds FROM 'FROM [(]''([^'']+)''[)]')::timestamp with time zone, '-infinity'
        )),
        '-infinity'
    )
    FROM pg_catalog.pg_inherits AS i
    INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid AND NOT i.inhdetachpending
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_get_expr(c.relpartbound, 0) AS bounds
    ) AS b
    WHERE i.inhparent = 'learning_events'::regclass AND b.bounds <> 'DEFAULT'
$$
