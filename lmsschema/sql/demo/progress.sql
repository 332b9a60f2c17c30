-- The enrollments of a range, with the progress that their events come to.
-- Parameters: first, last, until.
WITH section AS MATERIALIZED (
    SELECT
        e.e,
        e.u,
        e.user_id,
        e.c,
        e.x,
        pg_catalog.min(e.ts) AS begun,
        pg_catalog.max(e.ts) AS latest,
        pg_catalog.min(e.ts) FILTER (WHERE e.kind = 6) AS completed,
        pg_catalog.sum(e.pace)::bigint / 1000 AS seconds,
        pg_catalog.count(*) AS interactions,
        pg_catalog.count(DISTINCT e.s) AS visits,
        (pg_catalog.array_agg(e.session_id ORDER BY e.ts DESC, e.i DESC))[1] AS session_id,
        (pg_catalog.array_agg(e.device ORDER BY e.ts DESC, e.i DESC))[1] AS device
    FROM demo_event AS e
    WHERE e.e BETWEEN %(first)s AND %(last)s
    GROUP BY e.e, e.u, e.user_id, e.c, e.x
),

lesson AS MATERIALIZED (
    SELECT
        s.e,
        s.user_id,
        s.c,
        s.x / 8 AS x,
        pg_catalog.min(s.begun) AS begun,
        pg_catalog.max(s.latest) AS latest,
        pg_catalog.count(s.completed) AS completed,
        CASE WHEN pg_catalog.count(s.completed) = 8 THEN pg_catalog.max(s.completed) END AS completed_at,
        pg_catalog.sum(s.seconds)::bigint AS seconds
    FROM section AS s
    GROUP BY s.e, s.user_id, s.c, s.x / 8
),

summary AS (
    SELECT
        l.e,
        pg_catalog.max(l.latest) AS latest,
        pg_catalog.sum(l.completed)::bigint AS sections,
        pg_catalog.count(l.completed_at) AS lessons,
        pg_catalog.sum(l.seconds)::bigint / 60 AS minutes
    FROM lesson AS l
    GROUP BY l.e
),

an_enrollment AS (
    INSERT INTO enrollments (
        id, user_id, course_id, enrolled_at, last_accessed_at, completion_date, enrollment_status, grade,
        progress_percentage, sections_completed, total_sections, lessons_completed, total_lessons, total_time_spent,
        created_at, updated_at
    )
    SELECT
        pg_temp.key(9, e.e),
        e.user_id,
        e.course_id,
        e.enrolled,
        e.latest,
        CASE WHEN e.status = 'completed' THEN e.finish END,
        e.status::enrollment_status,
        CASE WHEN e.status = 'completed' THEN 50 + pg_temp.below(51, pg_temp.draw(14, e.e)) END,
        pg_catalog.round(100.0 * e.sections / 80, 2),
        e.sections,
        80,
        e.lessons,
        10,
        e.minutes,
        e.enrolled,
        greatest(e.enrolled, e.latest)
    FROM (
        SELECT
            n.e,
            n.user_id,
            n.course_id,
            c.start - interval '10 days' AS enrolled,
            c.finish,
            s.latest,
            coalesce(s.sections, 0) AS sections,
            coalesce(s.lessons, 0) AS lessons,
            coalesce(s.minutes, 0) AS minutes,
            CASE
                WHEN pg_temp.below(100, pg_temp.draw(13, n.e)) < 12 THEN 'withdrawn'
                WHEN s.e IS NOT NULL AND c.finish <= %(until)s AND pg_temp.below(100, pg_temp.draw(15, n.e)) < 70
                    THEN 'completed'
                ELSE 'active'
            END AS status
        FROM demo_enrollment AS n
        INNER JOIN demo_course AS c USING (c)
        LEFT JOIN summary AS s USING (e)
        WHERE n.e BETWEEN %(first)s AND %(last)s
    ) AS e
    ORDER BY e.e
),

a_lesson AS (
    INSERT INTO lesson_progress (
        id, user_id, lesson_id, enrollment_id, started_at, completed_at, last_accessed_at, sections_completed,
        total_sections, completion_percentage, total_time_spent, created_at, updated_at
    )
    SELECT
        pg_temp.key(10, l.e * 10 + l.x),
        l.user_id,
        pg_temp.key(5, l.c * 10 + l.x),
        pg_temp.key(9, l.e),
        l.begun,
        l.completed_at,
        l.latest,
        l.completed,
        8,
        pg_catalog.round(100.0 * l.completed / 8, 2),
        l.seconds,
        l.begun,
        l.latest
    FROM lesson AS l
    ORDER BY l.e, l.x
)

INSERT INTO section_progress (
    id, user_id, section_id, enrollment_id, started_at, completed_at, last_accessed_at, time_spent, interaction_count,
    revisit_count, completion_status, mastery_level, confidence_score, learning_session_id, device_type, created_at,
    updated_at
)
SELECT
    pg_temp.key(11, s.e * 80 + s.x),
    s.user_id,
    pg_temp.key(6, s.c * 80 + s.x),
    pg_temp.key(9, s.e),
    s.begun,
    s.completed,
    s.latest,
    s.seconds,
    s.interactions,
    s.visits - 1,
    (CASE WHEN s.completed IS NULL THEN 'in_progress' ELSE 'completed' END)::section_completion_status,
    (
        ARRAY['struggling', 'developing', 'developing', 'proficient', 'proficient', 'advanced']
    )[1 + pg_temp.below(6, pg_temp.draw(16, s.e * 80 + s.x))]::mastery_level,
    pg_catalog.round(pg_temp.below(101, pg_temp.draw(17, s.e * 80 + s.x)) / 100.0, 2),
    s.session_id,
    CASE WHEN s.device < 35 THEN 'mobile' ELSE 'desktop' END,
    s.begun,
    s.latest
FROM section AS s
ORDER BY s.e, s.x
