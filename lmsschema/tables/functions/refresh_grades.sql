-- Writes what attempts come to: the attempt that counts is chosen by its score after the penalty.
-- What persons wrote (override_score, is_excused, feedback, posted_at) is left alone.
CREATE FUNCTION refresh_grades(course UUID, enrollments UUID[] DEFAULT NULL)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    zone TEXT;
    written INTEGER;
    wanted UUID[] := coalesce(
        enrollments, ARRAY(SELECT e.id FROM enrollments AS e WHERE e.course_id = course)
    );
BEGIN
    SELECT time_zone_or_utc(i.timezone) INTO zone
    FROM courses AS c INNER JOIN institutions AS i ON c.institution_id = i.id WHERE c.id = course;
    WITH attempts AS (
        SELECT
            t.id, t.enrollment_id, t.assessment_id, t.attempt_number, t.status, t.score,
            t.graded_at, a.score_policy, a.max_score,
            late_deduction(
                t.score, a.points_possible,
                late_units(v.due_at, t.submitted_at, p.per::text, zone, p.grace_minutes),
                p.deduction_percent, p.max_deduction_percent, p.basis::text
            ) AS deduction
        FROM assessment_attempts AS t
        INNER JOIN assessments AS a ON t.assessment_id = a.id
        INNER JOIN effective_assessments(course, wanted) AS v
            ON t.enrollment_id = v.enrollment_id AND t.assessment_id = v.assessment_id
        LEFT JOIN late_policies AS p ON a.late_policy_id = p.id
        WHERE t.enrollment_id = ANY (wanted) AND t.status IN ('submitted', 'graded')
    ),
    ranked AS (
        SELECT
            t.*,
            row_number() OVER (
                PARTITION BY t.enrollment_id, t.assessment_id
                ORDER BY
                    t.status = 'graded' DESC,
                    CASE t.score_policy WHEN 'highest' THEN t.score - t.deduction END DESC,
                    CASE WHEN t.score_policy IN ('latest', 'average') THEN -t.attempt_number END,
                    t.attempt_number
            ) AS place,
            count(*) FILTER (WHERE t.status = 'submitted') OVER each AS waiting,
            round(avg(t.score) FILTER (WHERE t.status = 'graded') OVER each, 4) AS mean_score,
            round(avg(t.score - t.deduction) FILTER (WHERE t.status = 'graded') OVER each, 4)
                AS mean_left
        FROM attempts AS t
        WINDOW each AS (PARTITION BY t.enrollment_id, t.assessment_id)
    ),
    computed AS (
        SELECT
            r.enrollment_id, r.assessment_id, r.max_score,
            CASE WHEN r.score_policy <> 'average' AND r.status = 'graded' THEN r.id END
                AS attempt_id,
            CASE WHEN r.status = 'submitted' THEN 'submitted'
                WHEN r.waiting > 0 AND r.score_policy <> 'first' THEN 'partially_graded'
                ELSE 'graded' END::grade_status AS status,
            CASE WHEN r.status = 'graded' THEN CASE r.score_policy
                WHEN 'average' THEN r.mean_score ELSE r.score END END AS raw_score,
            CASE WHEN r.status = 'submitted' THEN 0 WHEN r.score_policy = 'average'
                THEN r.mean_score - r.mean_left ELSE r.deduction END AS late_deduction,
            CASE WHEN r.status = 'graded' THEN r.graded_at END AS graded_at
        FROM ranked AS r
        WHERE r.place = 1
        UNION ALL -- no attempt is left
        SELECT g.enrollment_id, g.assessment_id, g.max_score, NULL, 'not_submitted', NULL, 0,
            CASE WHEN g.override_score IS NOT NULL THEN g.graded_at END
        FROM grades AS g
        WHERE g.course_id = course AND g.enrollment_id = ANY (wanted)
            AND g.status <> 'not_submitted' AND NOT EXISTS (
                SELECT FROM attempts AS t
                WHERE t.enrollment_id = g.enrollment_id AND t.assessment_id = g.assessment_id
            )
    )
    INSERT INTO grades AS g (enrollment_id, assessment_id, course_id, max_score, attempt_id, status,
        raw_score, late_deduction, graded_at)
    SELECT r.enrollment_id, r.assessment_id, course, r.max_score, r.attempt_id, r.status,
        r.raw_score, r.late_deduction, r.graded_at
    FROM computed AS r
    WHERE coalesce(( -- ON CONFLICT would lock what does not change, too
        SELECT (g.attempt_id, g.status, g.raw_score, g.late_deduction)
            IS DISTINCT FROM (r.attempt_id, r.status, r.raw_score, r.late_deduction)
        FROM grades AS g
        WHERE g.enrollment_id = r.enrollment_id AND g.assessment_id = r.assessment_id
    ), true)
    ORDER BY r.enrollment_id, r.assessment_id
    ON CONFLICT (enrollment_id, assessment_id) DO UPDATE SET
        attempt_id = excluded.attempt_id, status = excluded.status, raw_score = excluded.raw_score,
        late_deduction = excluded.late_deduction, graded_at = excluded.graded_at
    WHERE (g.attempt_id, g.status, g.raw_score, g.late_deduction)
        IS DISTINCT FROM (excluded.attempt_id, excluded.status, excluded.raw_score,
            excluded.late_deduction);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$
