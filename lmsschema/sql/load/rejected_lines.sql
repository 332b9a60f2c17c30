-- The next rejected lines after a digest, not more than fit into memory (%(institution)s, %(reason)s:
-- only of that one, %(format)s: only of that one, %(after)s, %(limit)s, %(bytes)s). One that is too long
-- is not kept as a whole.
SELECT
    n.digest,
    r.source_id,
    r.raw
FROM (
    SELECT
        digest,
        sum(length) OVER (ORDER BY digest) - length AS before
    FROM (
        SELECT
            r.digest,
            r.length
        FROM rejected_records AS r
        LEFT JOIN load_sources AS s ON r.source_id = s.id
        WHERE
            r.institution_id = %(institution)s
            AND r.state = 'rejected'
            AND r.reason <> 'too_long'
            AND (r.reason = %(reason)s::text OR %(reason)s::text IS NULL)
            AND (s.format = %(format)s::text OR %(format)s::text IS NULL)
            AND r.digest > %(after)s
        ORDER BY r.digest
        LIMIT %(limit)s
    ) AS chosen
) AS n
INNER JOIN rejected_records AS r
    ON n.digest = r.digest AND r.institution_id = %(institution)s
WHERE n.before <= %(bytes)s
ORDER BY n.digest
