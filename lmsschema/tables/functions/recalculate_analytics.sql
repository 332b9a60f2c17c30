-- Works off the queue of courses, up to so many of them, the longest waiting first: NULL if another run does,
-- else how many entries were taken; call it again until it returns 0, in a transaction each. What is
-- queued meanwhile stays queued.
CREATE FUNCTION recalculate_analytics(batch INTEGER DEFAULT 50)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    due RECORD;
    taken INTEGER := 0;
    first_days JSONB := '{}';
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING
            MESSAGE = 'analytics are computed in READ COMMITTED only: others would read the past',
            ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema analytics in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    FOR due IN
        WITH chosen AS (
            SELECT r.course_id FROM recalculations AS r
            WHERE r.kind = 'analytics' AND r.enrollment_id IS NULL AND r.queued_at <= now()
            GROUP BY r.course_id ORDER BY min(r.queued_at), r.course_id LIMIT batch
        ),
        gone AS (
            DELETE FROM recalculations AS q USING chosen AS x
            WHERE q.course_id = x.course_id AND q.kind = 'analytics'
                AND q.enrollment_id IS NULL AND q.queued_at <= now()
            RETURNING q.course_id, q.day
        )
        SELECT
            g.course_id, c.institution_id, count(*)::integer AS entries,
            CASE WHEN bool_and(g.day IS NOT NULL) THEN array_agg(DISTINCT g.day) END AS days,
            CASE WHEN bool_and(g.day IS NOT NULL) THEN min(g.day) - 1
                ELSE '-infinity' END AS since
        FROM gone AS g LEFT JOIN courses AS c ON g.course_id = c.id
        GROUP BY g.course_id, c.institution_id ORDER BY g.course_id
    LOOP
        taken := taken + due.entries;
        IF due.institution_id IS NOT NULL THEN
            PERFORM refresh_course_analytics(due.course_id, due.days);
            first_days := first_days || jsonb_build_object(due.institution_id, least(
                due.since, (first_days ->> due.institution_id::text)::date
            ));
        END IF;
    END LOOP;
    PERFORM compare_courses(x.key::uuid, x.value::date) FROM jsonb_each_text(first_days) AS x;
    RETURN taken;
END
$$
