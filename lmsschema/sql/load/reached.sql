-- Write how far a source is (%(id)s, %(position)s, %(line)s, %(counts)s, %(finished)s), if nobody else
-- has since it was at %(before)s.
UPDATE load_sources
SET
    position = %(position)s,
    line = %(line)s,
    counts = %(counts)s::jsonb,
    finished_at = CASE WHEN %(finished)s THEN pg_catalog.now() END
WHERE id = %(id)s AND position = %(before)s AND finished_at IS NULL
