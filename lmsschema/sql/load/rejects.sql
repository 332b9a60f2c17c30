-- Reasons of rejected lines, with the first line of each (%(institution)s, %(reason)s: only that one).
SELECT DISTINCT ON (r.reason)
    r.reason,
    count(*) OVER (PARTITION BY r.reason) AS number,
    coalesce(s.name, '?') AS name,
    r.line,
    r.position,
    r.detail
FROM rejected_records AS r
LEFT JOIN load_sources AS s ON r.source_id = s.id
WHERE
    r.institution_id = %(institution)s
    AND r.state = 'rejected'
    AND (r.reason = %(reason)s::text OR %(reason)s::text IS NULL)
ORDER BY r.reason, s.name, r.line
