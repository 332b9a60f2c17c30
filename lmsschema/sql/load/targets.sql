-- What identifiers mean (%(institution)s, %(kind)s, %(keys)s); {table} has the rows, {condition} says
-- which of them are the institution's.
SELECT
    x.key,
    x.target
FROM external_ids AS x
INNER JOIN {table} AS t ON x.target = t.id
WHERE
    x.institution_id = %(institution)s
    AND x.kind = %(kind)s
    AND x.key = ANY(%(keys)s::text [])
    AND {condition}
