-- Which active learners of a course, or of these enrollments, are at risk, and why: facts that a
-- teacher can check. They hold still: the same tomorrow unless something happens.
CREATE FUNCTION at_risk_learners(course UUID, enrollments UUID[] DEFAULT NULL)
RETURNS TABLE (enrollment_id UUID, user_id UUID, signals JSONB)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    scheme UUID;
    elapsed NUMERIC;
    has_begun BOOLEAN;
    has_progress BOOLEAN;
BEGIN
    SELECT
        b.grading_scheme_id, coalesce(t.starts < x.today - 7, true),
        100.0 * greatest(least(x.today, t.ends) - t.starts, 0) / nullif(t.ends - t.starts, 0),
        EXISTS (SELECT FROM enrollments AS o
            WHERE o.course_id = c.id AND o.progress_percentage > 0)
    INTO scheme, has_begun, elapsed, has_progress
    FROM courses AS c
    INNER JOIN institutions AS i ON c.institution_id = i.id
    LEFT JOIN gradebooks AS b ON c.id = b.course_id
    CROSS JOIN course_term(c.id) AS t
    CROSS JOIN LATERAL (
        SELECT (now() AT TIME ZONE time_zone_or_utc(i.timezone))::date AS today
    ) AS x
    WHERE c.id = course;
    RETURN QUERY
    WITH wanted AS MATERIALIZED (
        SELECT e.* FROM enrollments AS e
        WHERE e.course_id = course AND e.enrollment_status = 'active'
            AND ($2 IS NULL OR e.id = ANY ($2))
    ),
    missing AS (
        SELECT v.enrollment_id, count(*) AS n
        FROM effective_assessments(course, ARRAY(SELECT w.id FROM wanted AS w)) AS v
        INNER JOIN assessments AS a ON v.assessment_id = a.id
        LEFT JOIN grades AS g
            ON v.enrollment_id = g.enrollment_id AND v.assessment_id = g.assessment_id
        WHERE v.is_assigned AND v.due_at < now() AND a.assessment_group_id IS NOT NULL
            AND coalesce(g.status = 'not_submitted' AND g.override_score IS NULL
                AND NOT g.is_excused, true)
        GROUP BY v.enrollment_id
    )
    SELECT w.id, w.user_id, x.signals
    FROM wanted AS w
    LEFT JOIN missing AS m ON w.id = m.enrollment_id
    LEFT JOIN course_grades AS g ON w.id = g.enrollment_id AND g.grading_period_id IS NULL
    CROSS JOIN LATERAL (
        SELECT coalesce(g.override_percentage, g.current_percentage) AS percentage
    ) AS p
    CROSS JOIN LATERAL (
        SELECT jsonb_strip_nulls(jsonb_build_object(
            'never_accessed', CASE WHEN w.last_accessed_at IS NULL AND has_begun
                AND w.enrolled_at < now() - interval '7 days' THEN true END,
            'inactive_since', CASE WHEN w.last_accessed_at < now() - interval '7 days'
                THEN to_char(w.last_accessed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                END,
            'missing_work', CASE WHEN m.n >= 2 THEN m.n END,
            'failing_at', CASE WHEN p.percentage IS NOT NULL AND scheme IS NOT NULL
                AND NOT coalesce((
                    SELECT l.is_passing FROM grading_scheme_levels AS l
                    WHERE l.grading_scheme_id = scheme AND l.min_percentage <= p.percentage
                    ORDER BY l.min_percentage DESC LIMIT 1
                ), false) THEN p.percentage END,
            'behind_at', CASE WHEN has_progress AND w.total_sections > 0
                AND elapsed - w.progress_percentage > 25 THEN w.progress_percentage END
        )) AS signals
    ) AS x
    WHERE x.signals <> '{}'
    ORDER BY w.id;
END
$$
