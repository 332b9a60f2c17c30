-- Note that a file of a roster is loaded (%(id)s, %(institution)s, %(format)s, %(name)s, %(line)s,
-- %(counts)s, %(finished)s).
INSERT INTO load_sources AS s (
    id, institution_id, format, name, line, counts, finished_at
)
VALUES (
    %(id)s,
    %(institution)s,
    %(format)s,
    %(name)s,
    %(line)s,
    %(counts)s::jsonb,
    CASE WHEN %(finished)s THEN pg_catalog.now() END
)
ON CONFLICT (id) DO UPDATE
SET line = excluded.line, counts = excluded.counts
WHERE (s.line, s.counts) <> (excluded.line, excluded.counts)
