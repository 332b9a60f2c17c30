-- Works off the queue of progress as recalculate_grades() does that of grades: one course, NULL if
-- another run does, else how many entries were taken.
CREATE FUNCTION recalculate_progress(batch INTEGER DEFAULT 5000)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    course UUID;
    taken RECORD;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema progress in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    SELECT r.course_id INTO course FROM recalculations AS r
    WHERE r.kind = 'progress' AND r.queued_at <= now() ORDER BY r.queued_at LIMIT 1;
    WITH gone AS (
        DELETE FROM recalculations AS q WHERE q.id IN (
            SELECT r.id FROM recalculations AS r
            WHERE r.course_id = course AND r.kind = 'progress' AND r.queued_at <= now()
            LIMIT batch FOR UPDATE SKIP LOCKED
        ) RETURNING q.enrollment_id
    )
    SELECT count(*)::integer AS entries, CASE WHEN bool_and(g.enrollment_id IS NOT NULL)
        THEN array_agg(DISTINCT g.enrollment_id) END AS enrollments
    INTO taken FROM gone AS g;
    IF taken.entries > 0 AND refresh_progress(course, taken.enrollments) > 0 THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', c.id, (now() AT TIME ZONE time_zone_or_utc(i.timezone))::date
        FROM courses AS c INNER JOIN institutions AS i ON c.institution_id = i.id
        WHERE c.id = course;
    END IF;
    RETURN taken.entries;
END
$$
