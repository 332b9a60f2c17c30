-- Find the rows that identifiers mean; else they are to be made (%(institution)s, %(kind)s; {table} has
-- the rows).
UPDATE roster_stage AS s
SET
    id = coalesce(
        (
            SELECT t.id
            FROM external_ids AS x
            INNER JOIN {table} AS t
                ON x.target = t.id AND x.institution_id = t.institution_id
            WHERE
                x.institution_id = %(institution)s AND x.kind = %(kind)s AND x.key = s.key
        ),
        s.made
    )
WHERE s.kind = %(kind)s
