-- The sources of an institution, oldest first (%(institution)s).
SELECT
    name,
    format,
    position,
    line,
    counts,
    created_at,
    finished_at
FROM load_sources
WHERE institution_id = %(institution)s
ORDER BY created_at, name
