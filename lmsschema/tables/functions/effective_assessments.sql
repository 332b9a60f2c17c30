-- The dates, attempts and time that hold for each learner of a course, or for those named. An
-- exception for the learner goes before one for a group; of several groups the best holds. None
-- gives less than all have, unless it says that it may.
CREATE FUNCTION effective_assessments(
    course UUID, enrollments UUID[] DEFAULT NULL, assessment UUID DEFAULT NULL
) RETURNS TABLE (
    enrollment_id UUID, assessment_id UUID, opens_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE, closes_at TIMESTAMP WITH TIME ZONE, attempts_allowed INTEGER,
    time_limit_minutes NUMERIC, is_assigned BOOLEAN
) LANGUAGE sql STABLE AS $$
    WITH exceptions AS (
        SELECT
            x.assessment_id,
            x.enrollment_id,
            coalesce(min(x.opens_at) FILTER (WHERE x.own), min(x.opens_at)) AS opens_at,
            coalesce(max(x.due_at) FILTER (WHERE x.own), max(x.due_at)) AS due_at,
            coalesce(max(x.closes_at) FILTER (WHERE x.own), max(x.closes_at)) AS closes_at,
            coalesce(max(x.attempts_allowed) FILTER (WHERE x.own), max(x.attempts_allowed))
                AS attempts_allowed,
            max(x.time_limit_factor) AS time_limit_factor,
            coalesce(bool_or(x.may_shorten) FILTER (WHERE x.own), bool_or(x.may_shorten))
                AS may_shorten
        FROM (
            SELECT true AS own, o.*
            FROM assessment_overrides AS o
            WHERE o.course_id = course AND o.enrollment_id IS NOT NULL
            UNION ALL
            SELECT false, o.id, o.assessment_id, o.course_id, m.enrollment_id, o.learner_group_id,
                o.opens_at, o.due_at, o.closes_at, o.attempts_allowed, o.time_limit_factor,
                o.may_shorten, o.reason, o.created_at, o.updated_at
            FROM assessment_overrides AS o
            INNER JOIN learner_group_members AS m ON o.learner_group_id = m.learner_group_id
            WHERE o.course_id = course
        ) AS x
        GROUP BY x.assessment_id, x.enrollment_id
    )
    SELECT
        e.id,
        a.id,
        CASE
            WHEN o.opens_at IS NULL THEN a.opens_at
            WHEN a.opens_at IS NULL OR o.may_shorten THEN o.opens_at
            ELSE least(a.opens_at, o.opens_at)
        END,
        CASE
            WHEN o.due_at IS NULL THEN a.due_at
            WHEN a.due_at IS NULL OR o.may_shorten THEN o.due_at
            ELSE greatest(a.due_at, o.due_at)
        END,
        CASE
            WHEN o.closes_at IS NULL THEN a.closes_at
            WHEN a.closes_at IS NULL OR o.may_shorten THEN o.closes_at
            ELSE greatest(a.closes_at, o.closes_at)
        END,
        CASE
            WHEN o.attempts_allowed IS NULL OR a.attempts_allowed IS NULL THEN a.attempts_allowed
            WHEN o.may_shorten THEN o.attempts_allowed
            ELSE greatest(a.attempts_allowed, o.attempts_allowed)
        END,
        a.time_limit_minutes * coalesce(o.time_limit_factor, 1),
        a.published_at IS NOT NULL AND (NOT a.only_overrides OR o.enrollment_id IS NOT NULL)
    FROM enrollments AS e
    INNER JOIN assessments AS a ON e.course_id = a.course_id
    LEFT JOIN exceptions AS o ON a.id = o.assessment_id AND e.id = o.enrollment_id
    WHERE e.course_id = course
        AND ($2 IS NULL OR e.id = ANY ($2))
        AND (assessment IS NULL OR a.id = assessment)
$$
