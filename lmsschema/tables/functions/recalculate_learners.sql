-- Works off the queue of learners, whose entries name an enrollment: NULL if another run does, else how
-- many entries were taken; call it again until it returns 0, in a transaction each. The first call of
-- a day (UTC) queues all learners: what their profiles say of the last weeks changes by itself.
CREATE FUNCTION recalculate_learners(batch INTEGER DEFAULT 2000)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    today CONSTANT TIMESTAMP WITH TIME ZONE := date_trunc('day', now(), 'UTC');
    taken INTEGER;
    learners UUID[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema learners in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM rollup_state AS s WHERE s.name = 'learners' AND s.watermark >= today) THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT DISTINCT ON (e.user_id) 'analytics'::recalculation_kind, e.course_id, e.id
        FROM enrollments AS e ORDER BY e.user_id, e.id;
        INSERT INTO rollup_state (name, watermark) VALUES ('learners', today)
        ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark;
    END IF;
    WITH gone AS (
        DELETE FROM recalculations AS q WHERE q.id IN (
            SELECT r.id FROM recalculations AS r
            WHERE r.kind = 'analytics' AND r.enrollment_id IS NOT NULL AND r.queued_at <= now()
            ORDER BY r.queued_at LIMIT batch FOR UPDATE SKIP LOCKED
        ) RETURNING q.enrollment_id
    )
    SELECT count(*)::integer, array_agg(DISTINCT e.user_id) INTO taken, learners
    FROM gone AS g LEFT JOIN enrollments AS e ON g.enrollment_id = e.id;
    PERFORM refresh_learner_analytics(learners);
    RETURN taken;
END
$$
