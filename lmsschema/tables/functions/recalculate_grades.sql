-- Works off the queue, one course: NULL if another run does, else how many entries were taken; call
-- it again until it returns 0, in a transaction each. What is queued meanwhile stays queued.
CREATE FUNCTION recalculate_grades(batch INTEGER DEFAULT 2000)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    course UUID;
    taken RECORD;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema recalculation in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    SELECT r.course_id INTO course FROM recalculations AS r
    WHERE r.kind = 'grades' AND r.queued_at <= now() ORDER BY r.queued_at LIMIT 1;
    WITH gone AS (
        DELETE FROM recalculations AS q WHERE q.id IN (
            SELECT r.id FROM recalculations AS r
            WHERE r.course_id = course AND r.kind = 'grades' AND r.queued_at <= now()
            LIMIT batch FOR UPDATE SKIP LOCKED
        ) RETURNING q.enrollment_id
    )
    SELECT count(*)::integer AS entries, CASE WHEN bool_and(g.enrollment_id IS NOT NULL)
        THEN array_agg(DISTINCT g.enrollment_id) END AS enrollments
    INTO taken FROM gone AS g;
    IF taken.entries > 0 AND EXISTS (SELECT FROM courses AS c WHERE c.id = course) THEN
        PERFORM recalculate_course(course, taken.enrollments);
    END IF;
    RETURN taken.entries;
END
$$
