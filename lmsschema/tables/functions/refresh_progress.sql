-- lesson_progress and the summaries of enrollments, from section_progress and from days: of a course,
-- or of those enrollments of it. Returns how many rows were written.
CREATE FUNCTION refresh_progress(course UUID, wanted UUID[] DEFAULT NULL)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    WITH structure AS (
        SELECT l.id AS lesson_id, count(s.id)::integer AS total_sections
        FROM lessons AS l INNER JOIN sections AS s ON l.id = s.lesson_id
        WHERE l.course_id = course GROUP BY l.id
    ),
    found AS (
        SELECT
            p.enrollment_id, e.user_id, t.lesson_id, t.total_sections,
            min(p.started_at) FILTER (WHERE p.completion_status <> 'not_started') AS started_at,
            max(p.last_accessed_at) FILTER (WHERE p.completion_status <> 'not_started')
                AS last_accessed_at,
            count(*) FILTER (WHERE p.completion_status IN ('completed', 'reviewed'))::integer
                AS sections_completed,
            max(p.completed_at) AS completed_at,
            least(sum(p.time_spent), 2147483647)::integer AS total_time_spent,
            avg(CASE p.mastery_level WHEN 'struggling' THEN 1 WHEN 'developing' THEN 2
                WHEN 'proficient' THEN 3 WHEN 'advanced' THEN 4 END)
                FILTER (WHERE p.completion_status <> 'not_started') AS mastery,
            avg(p.confidence_score) FILTER (
                WHERE p.completion_status <> 'not_started' AND p.confidence_score > 0
            ) AS confidence
        FROM enrollments AS e
        INNER JOIN section_progress AS p ON e.id = p.enrollment_id AND e.user_id = p.user_id
        INNER JOIN sections AS s ON p.section_id = s.id
        INNER JOIN structure AS t ON s.lesson_id = t.lesson_id
        WHERE e.course_id = course AND (wanted IS NULL OR e.id = ANY (wanted))
        GROUP BY p.enrollment_id, e.user_id, t.lesson_id, t.total_sections
    ),
    gone AS (
        DELETE FROM lesson_progress AS o USING enrollments AS e
        WHERE o.enrollment_id = e.id AND e.course_id = course
            AND (wanted IS NULL OR e.id = ANY (wanted))
            AND NOT EXISTS (
                SELECT FROM found AS f
                WHERE f.user_id = o.user_id AND f.lesson_id = o.lesson_id
            )
        RETURNING 1
    ),
    lessons_written AS (
        INSERT INTO lesson_progress AS o (user_id, lesson_id, enrollment_id, started_at,
            completed_at, last_accessed_at, sections_completed, total_sections,
            completion_percentage, total_time_spent, average_mastery_level, overall_confidence)
        SELECT
            f.user_id, f.lesson_id, f.enrollment_id, f.started_at,
            CASE WHEN f.sections_completed = f.total_sections
                THEN greatest(f.completed_at, f.started_at) END,
            f.last_accessed_at, f.sections_completed, f.total_sections,
            round(100.0 * f.sections_completed / f.total_sections, 2), f.total_time_spent,
            round(f.mastery, 2), round(f.confidence, 2)
        FROM found AS f
        ORDER BY f.user_id, f.lesson_id
        ON CONFLICT (user_id, lesson_id) DO UPDATE SET
            enrollment_id = excluded.enrollment_id, started_at = excluded.started_at,
            completed_at = excluded.completed_at, last_accessed_at = excluded.last_accessed_at,
            sections_completed = excluded.sections_completed,
            total_sections = excluded.total_sections,
            completion_percentage = excluded.completion_percentage,
            total_time_spent = excluded.total_time_spent,
            average_mastery_level = excluded.average_mastery_level,
            overall_confidence = excluded.overall_confidence
        WHERE (o.enrollment_id, o.started_at, o.completed_at, o.last_accessed_at,
                o.sections_completed, o.total_sections, o.total_time_spent,
                o.average_mastery_level, o.overall_confidence)
            IS DISTINCT FROM (excluded.enrollment_id, excluded.started_at, excluded.completed_at,
                excluded.last_accessed_at, excluded.sections_completed, excluded.total_sections,
                excluded.total_time_spent, excluded.average_mastery_level,
                excluded.overall_confidence)
        RETURNING 1
    ),
    summarized AS (
        UPDATE enrollments AS e SET
            sections_completed = x.sections_completed, total_sections = x.total_sections,
            lessons_completed = x.lessons_completed, total_lessons = x.total_lessons,
            progress_percentage = x.progress, total_time_spent = x.minutes,
            last_accessed_at = x.last_accessed_at
        FROM (
            SELECT
                e.id, c.total_sections, c.total_lessons,
                coalesce(sum(f.sections_completed), 0)::integer AS sections_completed,
                count(*) FILTER (WHERE f.sections_completed = f.total_sections)::integer
                    AS lessons_completed,
                CASE WHEN c.total_sections > 0
                    THEN round(100.0 * coalesce(sum(f.sections_completed), 0) / c.total_sections, 2)
                    ELSE 0 END AS progress,
                (least(coalesce(sum(f.total_time_spent), 0), 128849018820) / 60)::integer AS minutes,
                greatest(max(f.last_accessed_at), (
                    SELECT max(d.last_at) FROM learner_course_daily AS d
                    WHERE d.course_id = e.course_id AND d.user_id = e.user_id
                )) AS last_accessed_at
            FROM enrollments AS e
            CROSS JOIN (
                SELECT coalesce(sum(t.total_sections), 0)::integer AS total_sections,
                    count(*)::integer AS total_lessons FROM structure AS t
            ) AS c
            LEFT JOIN found AS f ON e.id = f.enrollment_id
            WHERE e.course_id = course AND (wanted IS NULL OR e.id = ANY (wanted))
            GROUP BY e.id, c.total_sections, c.total_lessons
        ) AS x
        WHERE e.id = x.id
            AND (e.sections_completed, e.total_sections, e.lessons_completed, e.total_lessons,
                e.progress_percentage, e.total_time_spent, e.last_accessed_at)
            IS DISTINCT FROM (x.sections_completed, x.total_sections, x.lessons_completed,
                x.total_lessons, x.progress, x.minutes, x.last_accessed_at)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM lessons_written)
        + (SELECT count(*) FROM summarized) INTO written;
    RETURN written;
END
$$
