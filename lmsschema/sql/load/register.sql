-- Remember what identifiers mean, where the row is there (%(institution)s, %(kind)s, %(keys)s, %(ids)s;
-- {table} has the rows). An identifier whose row is gone means the new one.
INSERT INTO external_ids (institution_id, kind, key, target)
SELECT
    %(institution)s,
    %(kind)s,
    n.key,
    n.id
FROM unnest(%(keys)s::text [], %(ids)s::uuid []) AS n (key, id)
INNER JOIN {table} AS t ON n.id = t.id
ORDER BY n.key
ON CONFLICT (institution_id, kind, key) DO UPDATE
SET target = excluded.target
WHERE external_ids.target <> excluded.target
