-- What the enrollments in a course come to over its term.
-- Parameters: until.
INSERT INTO course_analytics (
    id, course_id, analysis_period, period_start, period_end, total_enrollments, active_learners, completed_learners,
    dropped_learners, average_time_spent, average_sessions_per_learner, average_completion_rate, calculated_at
)
SELECT
    pg_temp.key(12, c.c),
    c.id,
    'semester',
    (c.start AT TIME ZONE 'UTC')::date,
    (c.finish AT TIME ZONE 'UTC')::date,
    e.learners,
    e.active,
    e.completed,
    e.withdrawn,
    e.minutes,
    least(999, pg_catalog.round(1.0 * coalesce(s.sessions, 0) / e.learners, 2)),
    e.progress,
    %(until)s
FROM demo_course AS c
INNER JOIN (
    SELECT
        n.c,
        pg_catalog.count(*) AS learners,
        pg_catalog.count(*) FILTER (WHERE e.enrollment_status = 'active') AS active,
        pg_catalog.count(*) FILTER (WHERE e.enrollment_status = 'completed') AS completed,
        pg_catalog.count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn,
        least(999999, pg_catalog.round(pg_catalog.avg(e.total_time_spent), 2)) AS minutes,
        pg_catalog.round(pg_catalog.avg(e.progress_percentage), 2) AS progress
    FROM demo_enrollment AS n
    INNER JOIN enrollments AS e ON e.user_id = n.user_id AND e.course_id = n.course_id
    GROUP BY n.c
) AS e USING (c)
LEFT JOIN (
    SELECT
        s.c,
        pg_catalog.count(*) AS sessions
    FROM demo_session AS s
    GROUP BY s.c
) AS s USING (c)
ORDER BY c.c
