-- Where a source stands; it is noted if it is new (%(id)s, %(institution)s, %(format)s, %(name)s).
WITH made AS (
    INSERT INTO load_sources (id, institution_id, format, name)
    VALUES (%(id)s, %(institution)s, %(format)s, %(name)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING position, line, counts, finished_at
)

SELECT * FROM made
UNION ALL
SELECT
    position,
    line,
    counts,
    finished_at
FROM load_sources
WHERE id = %(id)s
