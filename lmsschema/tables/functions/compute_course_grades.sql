-- What grades come to, in the course (period NULL) and in each of its periods. Current: what is
-- graded, while a newer attempt waits too. Final: what was not handed in counts 0 as well; what
-- waits to be graded counts in neither. The learner's two leave out what is not posted; what is
-- graded anonymously and not revealed counts in none, since a total that moves says whose it was.
-- Flavours: 1 current, 2 final as the learner sees them; 3 and 4 as the staff does.
CREATE FUNCTION compute_course_grades(
    course UUID, enrollments UUID[] DEFAULT NULL, at TIMESTAMP WITH TIME ZONE DEFAULT now()
) RETURNS TABLE (
    enrollment_id UUID, grading_period_id UUID, current_percentage NUMERIC,
    final_percentage NUMERIC, staff_current_percentage NUMERIC, staff_final_percentage NUMERIC,
    current_label TEXT, final_label TEXT, details JSONB
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
    book RECORD;
    digits INTEGER;
    wanted UUID[] := coalesce(
        enrollments, ARRAY(SELECT e.id FROM enrollments AS e WHERE e.course_id = course)
    );
BEGIN
    SELECT b.* INTO book FROM (SELECT course AS id) AS c
    LEFT JOIN gradebooks AS b ON c.id = b.course_id;
    SELECT s.round_to INTO digits FROM grading_schemes AS s WHERE s.id = book.grading_scheme_id;
    digits := coalesce(digits, 2);
    RETURN QUERY
    WITH periods AS MATERIALIZED ( -- each until the next one; what is before the first is of it
        SELECT
            p.id,
            CASE WHEN lag(p.id) OVER each IS NULL THEN '-infinity' ELSE p.starts_at END AS since,
            lead(p.starts_at) OVER each AS until
        FROM grading_periods AS p
        WHERE p.course_id = course
        WINDOW each AS (ORDER BY p.starts_at)
    ),
    items AS MATERIALIZED (
        SELECT
            v.enrollment_id, v.assessment_id, a.assessment_group_id AS group_id,
            a.points_possible, a.weight, p.id AS period_id,
            CASE WHEN a.is_extra_credit THEN 2 WHEN a.never_drop THEN 1 ELSE 0 END AS kind,
            row_number() OVER (ORDER BY v.due_at, a.order_index, a.id) AS place,
            NOT h.is_missing AND a.is_anonymous AND coalesce(a.revealed_at > at, true) AS is_masked,
            NOT h.is_graded OR coalesce(g.posted_at <= at, false) AS is_visible,
            CASE
                WHEN h.is_graded THEN g.score
                WHEN h.is_missing AND v.due_at <= at
                    THEN round(a.points_possible * l.missing_percent / 100, 4)
            END AS score,
            h.is_missing
        FROM effective_assessments(course, wanted) AS v
        INNER JOIN assessments AS a ON v.assessment_id = a.id
        LEFT JOIN periods AS p
            ON p.since <= coalesce(v.due_at, 'infinity')
            AND (p.until IS NULL OR p.until > v.due_at)
        LEFT JOIN late_policies AS l ON a.late_policy_id = l.id
        LEFT JOIN grades AS g
            ON v.enrollment_id = g.enrollment_id AND v.assessment_id = g.assessment_id
        CROSS JOIN LATERAL (
            SELECT
                coalesce(g.override_score IS NOT NULL
                    OR g.status IN ('graded', 'partially_graded'), false) AS is_graded,
                coalesce(g.override_score IS NULL AND g.status = 'not_submitted', true)
                    AS is_missing
        ) AS h
        WHERE v.is_assigned AND a.assessment_group_id IS NOT NULL
            AND NOT coalesce(g.is_excused, false)
    ),
    differing AS ( -- who may not see all, and whose final percentage is not the current one
        SELECT
            i.enrollment_id,
            bool_or(NOT i.is_visible) AS is_hidden,
            bool_or(i.is_missing AND i.score IS NULL) AS is_lacking
        FROM items AS i
        GROUP BY i.enrollment_id
    ),
    counted AS (
        SELECT i.*, p.id AS in_period, f.flavour, f.value
        FROM items AS i
        INNER JOIN differing AS x ON i.enrollment_id = x.enrollment_id
        CROSS JOIN LATERAL (
            SELECT NULL::uuid AS id UNION ALL SELECT i.period_id WHERE i.period_id IS NOT NULL
        ) AS p
        CROSS JOIN LATERAL (VALUES
            (1, CASE WHEN x.is_hidden AND i.is_visible THEN i.score END),
            (2, CASE WHEN x.is_hidden AND x.is_lacking AND i.is_visible
                THEN coalesce(i.score, CASE WHEN i.is_missing THEN 0 END) END),
            (3, i.score),
            (4, CASE WHEN x.is_lacking
                THEN coalesce(i.score, CASE WHEN i.is_missing THEN 0 END) END)
        ) AS f (flavour, value)
        WHERE f.value IS NOT NULL AND NOT i.is_masked
    ),
    gathered AS (
        SELECT
            c.enrollment_id, c.in_period, c.flavour, c.group_id,
            min(c.points_possible) = max(c.points_possible) AS is_even,
            sum(c.value) AS earned,
            sum(c.value * c.weight) AS earned_by_weight,
            coalesce(sum(c.points_possible) FILTER (WHERE c.kind <> 2), 0) AS possible,
            coalesce(sum(c.points_possible * c.weight) FILTER (WHERE c.kind <> 2), 0)
                AS possible_by_weight,
            array_agg(c.assessment_id ORDER BY c.place) AS assessment_ids,
            array_agg(c.value ORDER BY c.place) AS scores,
            array_agg(c.points_possible ORDER BY c.place) AS points,
            array_agg(c.weight ORDER BY c.place) AS weights,
            array_agg(c.kind ORDER BY c.place) AS kinds
        FROM counted AS c
        GROUP BY c.enrollment_id, c.in_period, c.flavour, c.group_id
    ),
    grouped AS ( -- sums do, where nothing is dropped and all have one denominator
        SELECT
            g.enrollment_id, g.in_period, g.flavour, g.group_id, s.weight AS group_weight,
            s.is_extra_credit, g.assessment_ids,
            CASE WHEN NOT h.is_sum THEN r.numerator
                WHEN s.aggregation = 'weights' THEN g.earned_by_weight
                ELSE g.earned END AS numerator,
            CASE WHEN NOT h.is_sum THEN r.denominator
                WHEN s.aggregation = 'weights' THEN g.possible_by_weight
                ELSE g.possible END AS denominator,
            CASE WHEN h.is_sum THEN g.possible ELSE r.possible END AS possible,
            r.dropped
        FROM gathered AS g
        INNER JOIN assessment_groups AS s ON g.group_id = s.id
        CROSS JOIN LATERAL (
            SELECT s.drop_lowest = 0 AND s.drop_highest = 0
                AND (s.aggregation = 'points' OR g.is_even) AS is_sum
        ) AS h
        LEFT JOIN LATERAL group_ratio(CASE WHEN NOT h.is_sum THEN g.scores END, g.points,
            g.weights, g.kinds, s.aggregation::text, s.drop_lowest, s.drop_highest) AS r ON true
    ),
    summed AS (
        SELECT
            g.enrollment_id, g.in_period, g.flavour,
            array_agg(g.numerator ORDER BY g.group_id) AS numerators,
            array_agg(g.denominator ORDER BY g.group_id) AS denominators,
            array_agg(g.possible ORDER BY g.group_id) AS possibles,
            array_agg(g.group_weight ORDER BY g.group_id) AS weights,
            array_agg(g.is_extra_credit ORDER BY g.group_id) AS extras,
            jsonb_object_agg(g.group_id, jsonb_build_object(
                'percentage', grade_percentage(g.numerator, g.denominator, digits),
                'possible', g.possible,
                'dropped', CASE WHEN g.dropped <> '{}' THEN
                    (SELECT jsonb_agg(g.assessment_ids[x]) FROM unnest(g.dropped) AS x)
                    ELSE '[]' END
            )) FILTER (WHERE g.flavour IN (1, 3)) AS details
        FROM grouped AS g
        GROUP BY g.enrollment_id, g.in_period, g.flavour
    ),
    totals AS (
        SELECT s.enrollment_id, s.in_period, s.flavour, s.details, t.numerator, t.denominator
        FROM summed AS s
        CROSS JOIN LATERAL total_ratio(coalesce(book.is_weighted, false), s.numerators,
            s.denominators, s.possibles, s.weights, s.extras) AS t
    ),
    by_period AS ( -- the course by its periods, if the gradebook says so
        SELECT t.enrollment_id, t.flavour, r.numerator, r.denominator
        FROM (
            SELECT
                t.enrollment_id, t.flavour,
                array_agg(t.numerator ORDER BY p.id) AS numerators,
                array_agg(t.denominator ORDER BY p.id) AS denominators,
                array_agg(p.weight ORDER BY p.id) AS weights,
                array_agg(false) AS extras
            FROM totals AS t
            INNER JOIN grading_periods AS p ON t.in_period = p.id
            WHERE book.weight_periods
            GROUP BY t.enrollment_id, t.flavour
        ) AS t
        CROSS JOIN LATERAL total_ratio(true, t.numerators, t.denominators, t.denominators,
            t.weights, t.extras) AS r
    ),
    rounded AS (
        SELECT
            t.enrollment_id, t.in_period, t.flavour, t.details,
            CASE WHEN b.enrollment_id IS NULL
                THEN grade_percentage(t.numerator, t.denominator, digits)
                ELSE grade_percentage(b.numerator, b.denominator, digits) END AS percentage
        FROM totals AS t
        LEFT JOIN by_period AS b
            ON t.enrollment_id = b.enrollment_id AND t.flavour = b.flavour AND t.in_period IS NULL
    ),
    capped AS (
        SELECT
            e.id AS enrollment_id, p.id AS in_period, r.flavour, r.details,
            CASE WHEN x.is_hidden THEN 1 ELSE 3 END AS seen,
            CASE WHEN x.is_lacking THEN 1 ELSE 0 END AS more,
            -- not least(): it would make a grade of a cap and no grade
            CASE WHEN r.percentage > book.max_percentage THEN round(book.max_percentage, digits)
                ELSE r.percentage END AS percentage
        FROM enrollments AS e
        CROSS JOIN (
            SELECT NULL::uuid AS id UNION ALL
            SELECT q.id FROM grading_periods AS q WHERE q.course_id = course
        ) AS p
        LEFT JOIN differing AS x ON e.id = x.enrollment_id
        LEFT JOIN rounded AS r
            ON e.id = r.enrollment_id AND p.id IS NOT DISTINCT FROM r.in_period
        WHERE e.course_id = course AND e.id = ANY (wanted)
    ),
    side_by_side AS (
        SELECT
            r.enrollment_id, r.in_period,
            max(r.percentage) FILTER (WHERE r.flavour = r.seen) AS current,
            max(r.percentage) FILTER (WHERE r.flavour = r.seen + r.more) AS final,
            max(r.percentage) FILTER (WHERE r.flavour = 3) AS staff_current,
            max(r.percentage) FILTER (WHERE r.flavour = 3 + r.more) AS staff_final,
            coalesce((array_agg(r.details) FILTER (WHERE r.flavour = r.seen))[1], '{}') AS details
        FROM capped AS r
        GROUP BY r.enrollment_id, r.in_period
    )
    SELECT
        r.enrollment_id, r.in_period, r.current, r.final, r.staff_current, r.staff_final,
        (SELECT l.label::text FROM grading_scheme_levels AS l
        WHERE l.grading_scheme_id = book.grading_scheme_id AND l.min_percentage <= r.current
        ORDER BY l.min_percentage DESC LIMIT 1),
        (SELECT l.label::text FROM grading_scheme_levels AS l
        WHERE l.grading_scheme_id = book.grading_scheme_id AND l.min_percentage <= r.final
        ORDER BY l.min_percentage DESC LIMIT 1),
        r.details
    FROM side_by_side AS r;
END
$$
