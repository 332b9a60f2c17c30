"""Grades are computed, guarded and logged: functions and triggers.

Revision ID: 0010_grades
Revises: 0009_grading
"""

# The triggers of the guide's tables come last: what they lock is locked for a moment.

from alembic import op

revision = "0010_grades"
down_revision = "0009_grading"
branch_labels = None
depends_on = None

UPGRADE = (
    """\
CREATE FUNCTION apply_final_grading() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE assessment_attempts AS t SET score = new.score, status = 'graded', graded_at = now()
    WHERE t.id = new.attempt_id AND t.status IN ('submitted', 'graded')
        AND (t.score IS DISTINCT FROM new.score OR t.status = 'submitted');
    RETURN NULL;
END
$$""",
    """\
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
$$""",
    """\
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
$$""",
    """\
CREATE FUNCTION grade_percentage(numerator NUMERIC, denominator NUMERIC, digits INTEGER)
RETURNS NUMERIC LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN denominator > 0 THEN round(
        div(200 * power(10::numeric, digits) * numerator + denominator, 2 * denominator)
        / power(10::numeric, digits), digits
    ) END
$$""",
    """\
CREATE FUNCTION group_ratio(
    scores NUMERIC[], points NUMERIC[], weights NUMERIC[], kinds INTEGER[],
    aggregation TEXT, drop_lowest INTEGER, drop_highest INTEGER,
    OUT numerator NUMERIC, OUT denominator NUMERIC, OUT possible NUMERIC, OUT dropped INTEGER[]
) LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    size INTEGER := cardinality(scores);
    m NUMERIC[] := '{}';
    n NUMERIC[] := '{}';
    common NUMERIC := 1;
    may_go INTEGER[] := '{}';
    low INTEGER;
    high INTEGER;
    fixed_m NUMERIC := 0;
    fixed_n NUMERIC := 0;
    kept INTEGER[];
    x INTEGER;
    a NUMERIC := 0;
    b NUMERIC := 0;
    low_a NUMERIC;
    low_b NUMERIC;
    high_a NUMERIC;
    high_b NUMERIC;
    total NUMERIC;
BEGIN
    dropped := '{}';
    possible := 0;
    IF aggregation <> 'points' THEN
        FOR i IN 1..size LOOP -- a common denominator keeps the ratios exact
            common := lcm(common, points[i]);
        END LOOP;
    END IF;
    FOR i IN 1..size LOOP
        IF aggregation = 'points' THEN
            m[i] := scores[i];
            n[i] := points[i];
        ELSE
            n[i] := common * CASE aggregation WHEN 'equal' THEN 1 ELSE weights[i] END;
            m[i] := scores[i] * div(common, points[i])
                * CASE aggregation WHEN 'equal' THEN 1 ELSE weights[i] END;
        END IF;
        IF kinds[i] = 2 THEN
            n[i] := 0;
        ELSE
            possible := possible + points[i];
        END IF;
        IF kinds[i] = 0 AND n[i] > 0 THEN
            may_go := may_go || i;
            a := a + m[i];
            b := b + n[i];
        ELSE
            fixed_m := fixed_m + m[i];
            fixed_n := fixed_n + n[i];
        END IF;
    END LOOP;
    low := least(drop_lowest, cardinality(may_go) - 1);
    high := least(drop_highest, cardinality(may_go) - 1 - low);
    numerator := a + fixed_m;
    denominator := b + fixed_n;
    IF low > 0 OR high > 0 THEN
        a := numerator;
        b := denominator;
        LOOP
            SELECT fixed_m + sum(m[r.i]), fixed_n + sum(n[r.i]), array_agg(r.i)
            INTO numerator, denominator, kept
            FROM (
                SELECT i, row_number() OVER (ORDER BY m[i] * b - a * n[i], i) AS place
                FROM unnest(may_go) AS i
            ) AS r
            WHERE r.place > low AND r.place <= cardinality(may_go) - high;
            total := numerator * b - a * denominator;
            EXIT WHEN total = 0;
            IF total > 0 THEN
                low_a := a;
                low_b := b;
            ELSE
                high_a := a;
                high_b := b;
            END IF;
            a := numerator;
            b := denominator;
            IF a * low_b <= low_a * b OR a * high_b >= high_a * b THEN -- outside: halve instead
                a := low_a * high_b + high_a * low_b;
                b := 2 * low_b * high_b;
            END IF;
        END LOOP;
        FOREACH x IN ARRAY may_go LOOP
            IF x <> ALL (kept) THEN
                dropped := dropped || x;
                possible := possible - points[x];
            END IF;
        END LOOP;
    END IF;
END
$$""",
    """\
CREATE FUNCTION guard_item() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    item assessment_items := CASE TG_OP WHEN 'DELETE' THEN old ELSE new END;
BEGIN
    PERFORM FROM assessment_versions AS v
    WHERE v.id = item.assessment_version_id AND v.published_at IS NOT NULL FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('version ', item.assessment_version_id,
                ' is published: its items do not change'),
            ERRCODE = 'restrict_violation', CONSTRAINT = 'guard_item';
    END IF;
    RETURN item;
END
$$""",
    """\
CREATE FUNCTION guard_response() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    found_status TEXT;
BEGIN
    SELECT t.status::text INTO found_status
    FROM assessment_attempts AS t WHERE t.id = new.attempt_id FOR SHARE;
    IF found_status <> 'in_progress' THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('attempt ', new.attempt_id, ' is ', found_status,
                ': its answers no longer change'),
            ERRCODE = 'check_violation', CONSTRAINT = 'guard_response';
    END IF;
    RETURN new;
END
$$""",
    """\
CREATE FUNCTION late_deduction(
    score NUMERIC, points NUMERIC, units INTEGER, percent NUMERIC, max_percent NUMERIC, basis TEXT
) RETURNS NUMERIC LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN score IS NULL OR units IS NULL OR percent IS NULL THEN 0
        ELSE least(score, round(
            least(units * percent, max_percent)
            * CASE basis WHEN 'possible' THEN points ELSE score END / 100, 4
        ))
    END
$$""",
    """\
CREATE FUNCTION late_units(
    due TIMESTAMP WITH TIME ZONE, submitted TIMESTAMP WITH TIME ZONE, per TEXT, zone TEXT,
    grace_minutes INTEGER
) RETURNS INTEGER LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN due IS NULL OR submitted IS NULL
            OR submitted <= due + grace_minutes * INTERVAL '1 minute' THEN 0
        WHEN per = 'hour' THEN ceil(extract(EPOCH FROM submitted - due) / 3600)::integer
        ELSE greatest(1, ceil(extract(
            EPOCH FROM (submitted AT TIME ZONE zone) - (due AT TIME ZONE zone)
        ) / 86400)::integer)
    END
$$""",
    """\
CREATE FUNCTION log_course_grade_changes() RETURNS TRIGGER LANGUAGE plpgsql
SET enable_nestloop TO off AS $$ -- a plan made for few rows is kept for many
BEGIN
    INSERT INTO grade_changes (kind, course_id, enrollment_id, grading_period_id, actor_id, source,
        reason, old_score, new_score, changed)
    SELECT 'changed', n.course_id, n.enrollment_id, n.grading_period_id,
        nullif(current_setting('lmsschema.actor', true), '')::uuid,
        coalesce(nullif(current_setting('lmsschema.source', true), ''), 'unknown'),
        nullif(current_setting('lmsschema.reason', true), ''),
        o.override_percentage, n.override_percentage,
        jsonb_strip_nulls(jsonb_build_object(
            'override_label', CASE WHEN o.override_label IS DISTINCT FROM n.override_label
                THEN jsonb_build_array(o.override_label, n.override_label) END,
            'finalized_at', CASE WHEN o.finalized_at IS DISTINCT FROM n.finalized_at
                THEN jsonb_build_array(o.finalized_at, n.finalized_at) END
        ))
    FROM new_rows AS n
    INNER JOIN old_rows AS o ON n.id = o.id
    WHERE (o.override_percentage, o.override_label, o.finalized_at)
        IS DISTINCT FROM (n.override_percentage, n.override_label, n.finalized_at);
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION log_grade_changes() RETURNS TRIGGER LANGUAGE plpgsql
SET enable_nestloop TO off AS $$ -- a plan made for few rows is kept for many
DECLARE
    actor UUID := nullif(current_setting('lmsschema.actor', true), '');
    origin TEXT := coalesce(nullif(current_setting('lmsschema.source', true), ''), 'unknown');
    why TEXT := nullif(current_setting('lmsschema.reason', true), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, new_score, changed)
        SELECT 'created', n.course_id, n.enrollment_id, n.assessment_id,
            CASE WHEN origin = 'recalculation' THEN actor ELSE coalesce(actor, n.grader_id) END,
            origin, why, n.score,
            CASE WHEN n.is_excused THEN '{"is_excused": [null, true]}' ELSE '{}' END::jsonb
        FROM new_rows AS n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, old_score, changed)
        SELECT 'deleted', o.course_id, o.enrollment_id, o.assessment_id, actor, origin, why,
            o.score, CASE WHEN o.is_excused THEN '{"is_excused": [true, null]}' ELSE '{}' END::jsonb
        FROM old_rows AS o;
    ELSE
        INSERT INTO grade_changes (kind, course_id, enrollment_id, assessment_id, actor_id, source,
            reason, old_score, new_score, changed)
        SELECT 'changed', n.course_id, n.enrollment_id, n.assessment_id,
            CASE WHEN origin = 'recalculation' THEN actor ELSE coalesce(actor, n.grader_id) END,
            origin, why, o.score, n.score,
            jsonb_strip_nulls(jsonb_build_object(
                'status', CASE WHEN o.status <> n.status
                    THEN jsonb_build_array(o.status, n.status) END,
                'is_excused', CASE WHEN o.is_excused <> n.is_excused
                    THEN jsonb_build_array(o.is_excused, n.is_excused) END,
                'posted_at', CASE WHEN o.posted_at IS DISTINCT FROM n.posted_at
                    THEN jsonb_build_array(o.posted_at, n.posted_at) END,
                'raw_score', CASE WHEN o.raw_score IS DISTINCT FROM n.raw_score
                    THEN jsonb_build_array(o.raw_score, n.raw_score) END,
                'late_deduction', CASE WHEN o.late_deduction <> n.late_deduction
                    THEN jsonb_build_array(o.late_deduction, n.late_deduction) END,
                'override_score', CASE WHEN o.override_score IS DISTINCT FROM n.override_score
                    THEN jsonb_build_array(o.override_score, n.override_score) END,
                -- that it changed: what it says is personal, and this can't be deleted
                'feedback', CASE WHEN o.feedback IS DISTINCT FROM n.feedback THEN true END
            ))
        FROM new_rows AS n
        INNER JOIN old_rows AS o ON n.id = o.id
        WHERE (o.score, o.status, o.is_excused, o.posted_at, o.raw_score, o.late_deduction,
                o.override_score, o.feedback)
            IS DISTINCT FROM (n.score, n.status, n.is_excused, n.posted_at, n.raw_score,
                n.late_deduction, n.override_score, n.feedback);
    END IF;
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION next_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    new.version := old.version + 1;
    RETURN new;
END
$$""",
    """\
CREATE FUNCTION prepare_attempt() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    allowed RECORD;
    standing TEXT;
BEGIN
    SELECT a.course_id, a.max_score, a.opens_at, a.closes_at, a.attempts_allowed,
        a.time_limit_minutes::numeric AS time_limit_minutes,
        a.published_at IS NOT NULL AND NOT a.only_overrides AS is_assigned,
        EXISTS (SELECT FROM assessment_overrides AS o WHERE o.assessment_id = a.id) AS is_varied
    INTO allowed
    FROM assessments AS a WHERE a.id = new.assessment_id;
    new.course_id := allowed.course_id;
    new.max_score := allowed.max_score;
    SELECT e.enrollment_status::text INTO standing FROM enrollments AS e
    WHERE e.id = new.enrollment_id AND e.course_id = new.course_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('enrollment ', new.enrollment_id, ' is not one of the course of assessment ',
                new.assessment_id),
            ERRCODE = 'foreign_key_violation';
    END IF;
    IF allowed.is_varied THEN
        SELECT v.* INTO allowed FROM effective_assessments(
            new.course_id, ARRAY[new.enrollment_id], new.assessment_id
        ) AS v;
    END IF;
    new.attempt_number := coalesce(new.attempt_number, (
        SELECT coalesce(max(t.attempt_number), 0) + 1 FROM assessment_attempts AS t
        WHERE t.enrollment_id = new.enrollment_id AND t.assessment_id = new.assessment_id
    ));
    IF NOT allowed.is_assigned OR standing IN ('withdrawn', 'suspended')
        OR new.attempt_number > allowed.attempts_allowed
        OR new.started_at < allowed.opens_at OR new.started_at >= allowed.closes_at THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('attempt ', new.attempt_number, ' at assessment ', new.assessment_id,
                ' is not allowed'),
            DETAIL = concat('enrollment ', standing, ', assigned: ', allowed.is_assigned,
                ', attempts: ', coalesce(allowed.attempts_allowed::text, 'any'),
                ', from ', coalesce(allowed.opens_at::text, 'any time'),
                ' to ', coalesce(allowed.closes_at::text, 'any time')),
            ERRCODE = 'check_violation', CONSTRAINT = 'prepare_attempt';
    END IF;
    IF new.assessment_version_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM assessment_versions AS v
        WHERE v.id = new.assessment_version_id AND v.published_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('version ', new.assessment_version_id, ' is not published'),
            ERRCODE = 'check_violation', CONSTRAINT = 'prepare_attempt';
    END IF;
    IF new.expires_at IS NULL THEN
        new.expires_at := least(
            new.started_at + allowed.time_limit_minutes::double precision * INTERVAL '1 minute',
            allowed.closes_at
        );
    END IF;
    RETURN new;
END
$$""",
    """\
CREATE FUNCTION prepare_grade() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    a RECORD;
    is_graded BOOLEAN := new.status IN ('graded', 'partially_graded')
        OR new.override_score IS NOT NULL;
    was_graded BOOLEAN := false;
BEGIN
    SELECT * INTO a FROM assessments AS t WHERE t.id = new.assessment_id;
    IF TG_OP = 'INSERT' THEN
        new.course_id := coalesce(new.course_id, a.course_id);
        new.max_score := coalesce(new.max_score, a.max_score);
    ELSE
        was_graded := old.status IN ('graded', 'partially_graded')
            OR old.override_score IS NOT NULL;
    END IF;
    IF is_graded AND new.graded_at IS NULL THEN
        new.graded_at := now();
    END IF;
    IF a.is_anonymous AND coalesce(a.revealed_at > now(), true) THEN
        IF new.posted_at IS NOT NULL THEN
            RAISE EXCEPTION USING
                MESSAGE = concat('assessment ', new.assessment_id,
                    ' is graded anonymously: reveal it before its grades are posted'),
                ERRCODE = 'check_violation', CONSTRAINT = 'prepare_grade';
        END IF;
    ELSIF a.posts_automatically AND new.posted_at IS NULL AND is_graded AND NOT was_graded THEN
        new.posted_at := new.graded_at;
    END IF;
    IF TG_OP = 'UPDATE' AND (old.override_score, old.is_excused, old.feedback, old.posted_at)
        IS DISTINCT FROM (new.override_score, new.is_excused, new.feedback, new.posted_at) THEN
        new.version := old.version + 1;
    END IF;
    RETURN new;
END
$$""",
    """\
CREATE FUNCTION queue_course_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (course_id) VALUES (old.course_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND old.course_id <> new.course_id) THEN
        INSERT INTO recalculations (course_id) VALUES (new.course_id);
    END IF;
    INSERT INTO recalculations (course_id, queued_at)
    SELECT (to_jsonb(new) ->> 'course_id')::uuid, x.later
    FROM (
        SELECT (to_jsonb(new) ->> k)::timestamp with time zone AS later
        FROM unnest(ARRAY['due_at', 'revealed_at']) AS k
        WHERE to_jsonb(new) ->> k IS DISTINCT FROM to_jsonb(old) ->> k
    ) AS x
    WHERE x.later > now();
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION queue_enrollment_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id, enrollment_id)
    SELECT new.course_id, new.id
    WHERE EXISTS (SELECT FROM assessments AS a WHERE a.course_id = new.course_id);
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION queue_institution_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id)
    SELECT c.id FROM courses AS c
    WHERE c.institution_id = new.id
        AND EXISTS (SELECT FROM assessments AS a WHERE a.course_id = c.id);
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION queue_learner_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (course_id, enrollment_id)
        VALUES (old.course_id, old.enrollment_id);
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND old.enrollment_id <> new.enrollment_id) THEN
        INSERT INTO recalculations (course_id, enrollment_id)
        VALUES (new.course_id, new.enrollment_id);
    END IF;
    INSERT INTO recalculations (course_id, enrollment_id, queued_at)
    SELECT x.course_id, x.enrollment_id, x.posted_at
    FROM jsonb_to_record(to_jsonb(new))
        AS x (course_id UUID, enrollment_id UUID, posted_at TIMESTAMP WITH TIME ZONE)
    WHERE x.posted_at > now();
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION queue_scheme_grades() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (course_id)
    SELECT g.course_id FROM gradebooks AS g
    WHERE g.grading_scheme_id IN (
        (to_jsonb(new) ->> TG_ARGV[0])::uuid, (to_jsonb(old) ->> TG_ARGV[0])::uuid
    );
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION recalculate_course(course UUID, enrollments UUID[] DEFAULT NULL)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
    origin TEXT := coalesce(current_setting('lmsschema.source', true), '');
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING
            MESSAGE = 'grades are computed in READ COMMITTED only: others would read the past',
            ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(concat('lmsschema grades of ', course), 0));
    PERFORM set_config('lmsschema.source', 'recalculation', true);
    PERFORM refresh_grades(course, enrollments);
    INSERT INTO course_grades AS o (enrollment_id, course_id, grading_period_id, current_percentage,
        final_percentage, staff_current_percentage, staff_final_percentage, current_label,
        final_label, details)
    SELECT c.enrollment_id, course, c.grading_period_id, c.current_percentage, c.final_percentage,
        c.staff_current_percentage, c.staff_final_percentage, c.current_label, c.final_label,
        c.details
    FROM compute_course_grades(course, enrollments) AS c
    WHERE NOT EXISTS ( -- ON CONFLICT would lock what does not change, too
        SELECT FROM course_grades AS g
        WHERE g.enrollment_id = c.enrollment_id
            AND g.grading_period_id IS NOT DISTINCT FROM c.grading_period_id
            AND (g.current_percentage, g.final_percentage, g.staff_current_percentage,
                g.staff_final_percentage, g.current_label, g.final_label, g.details)
            IS NOT DISTINCT FROM (c.current_percentage, c.final_percentage,
                c.staff_current_percentage, c.staff_final_percentage, c.current_label,
                c.final_label, c.details)
    )
    ORDER BY c.enrollment_id, c.grading_period_id
    ON CONFLICT (enrollment_id, grading_period_id) DO UPDATE SET
        current_percentage = excluded.current_percentage,
        final_percentage = excluded.final_percentage,
        staff_current_percentage = excluded.staff_current_percentage,
        staff_final_percentage = excluded.staff_final_percentage,
        current_label = excluded.current_label, final_label = excluded.final_label,
        details = excluded.details, computed_at = now()
    WHERE o.finalized_at IS NULL
        AND (o.current_percentage, o.final_percentage, o.staff_current_percentage,
            o.staff_final_percentage, o.current_label, o.final_label, o.details)
        IS DISTINCT FROM (excluded.current_percentage, excluded.final_percentage,
            excluded.staff_current_percentage, excluded.staff_final_percentage,
            excluded.current_label, excluded.final_label, excluded.details);
    GET DIAGNOSTICS written = ROW_COUNT;
    UPDATE enrollments AS e SET grade = o.grade, grade_letter = o.grade_letter
    FROM (
        SELECT
            r.enrollment_id,
            CASE WHEN round(coalesce(r.override_percentage, r.final_percentage), 2) < 1000
                THEN round(coalesce(r.override_percentage, r.final_percentage), 2) END AS grade,
            coalesce(r.override_label, r.final_label) AS grade_letter
        FROM course_grades AS r
        WHERE r.course_id = course AND r.grading_period_id IS NULL
            AND ($2 IS NULL OR r.enrollment_id = ANY ($2))
        ORDER BY r.enrollment_id
    ) AS o
    WHERE o.enrollment_id = e.id
        AND (e.grade, e.grade_letter) IS DISTINCT FROM (o.grade, o.grade_letter);
    PERFORM set_config('lmsschema.source', origin, true);
    RETURN written;
END
$$""",
    """\
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
$$""",
    """\
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
$$""",
    """\
CREATE FUNCTION refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = concat(lower(TG_OP), ' of ', TG_TABLE_NAME, ' is refused: its rows do not change'),
        ERRCODE = 'restrict_violation', CONSTRAINT = 'refuse_change';
END
$$""",
    """\
CREATE FUNCTION score_attempts(attempts UUID[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    UPDATE assessment_attempts AS t SET
        score = x.score,
        status = CASE WHEN x.is_complete THEN 'graded' ELSE t.status END,
        graded_at = CASE WHEN x.is_complete THEN coalesce(t.graded_at, now()) ELSE t.graded_at END
    FROM (
        SELECT
            r.attempt_id,
            greatest(sum(CASE WHEN i.regrade ->> 'full_credit' = 'true' THEN i.points
                ELSE coalesce(r.score, 0) END), 0) AS score,
            bool_and(r.score IS NOT NULL OR r.response IS NULL
                OR i.regrade ->> 'full_credit' = 'true') AS is_complete
        FROM item_responses AS r INNER JOIN assessment_items AS i ON r.assessment_item_id = i.id
        WHERE r.attempt_id = ANY (attempts)
        GROUP BY r.attempt_id
    ) AS x
    WHERE t.id = x.attempt_id AND t.status IN ('submitted', 'graded')
        AND (t.score IS DISTINCT FROM x.score OR (x.is_complete AND t.status = 'submitted'));
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$""",
    """\
CREATE FUNCTION time_zone_or_utc(zone TEXT) RETURNS TEXT LANGUAGE plpgsql STABLE AS $$
BEGIN
    PERFORM timezone(zone, TIMESTAMP WITH TIME ZONE 'epoch');
    RETURN coalesce(zone, 'UTC');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$""",
    """\
CREATE FUNCTION total_ratio(
    is_weighted BOOLEAN, numerators NUMERIC[], denominators NUMERIC[], possibles NUMERIC[],
    weights NUMERIC[], extras BOOLEAN[],
    OUT numerator NUMERIC, OUT denominator NUMERIC
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    all_weights NUMERIC := 0;
    w NUMERIC;
BEGIN
    numerator := 0;
    denominator := 1;
    FOR i IN 1..cardinality(numerators) LOOP
        w := CASE WHEN is_weighted THEN weights[i] ELSE possibles[i] END;
        IF denominators[i] > 0 AND NOT (is_weighted AND extras[i]) THEN
            numerator := numerator * denominators[i] + w * numerators[i] * denominator;
            denominator := denominator * denominators[i];
            all_weights := all_weights + CASE WHEN extras[i] THEN 0 ELSE w END;
        ELSIF NOT is_weighted AND denominators[i] = 0 THEN
            numerator := numerator + numerators[i] * denominator;
        END IF;
    END LOOP;
    denominator := denominator * all_weights;
    IF is_weighted AND denominator > 0 THEN
        FOR i IN 1..cardinality(numerators) LOOP
            IF extras[i] AND denominators[i] > 0 THEN
                numerator := numerator * 100 * denominators[i]
                    + weights[i] * numerators[i] * denominator;
                denominator := denominator * 100 * denominators[i];
            END IF;
        END LOOP;
    END IF;
END
$$""",
    """\
DO $$
DECLARE
    routine REGPROCEDURE;
BEGIN
    FOR routine IN
        SELECT p.oid
        FROM pg_catalog.pg_proc AS p
        INNER JOIN pg_catalog.pg_namespace AS n ON p.pronamespace = n.oid
        WHERE n.nspname = current_schema() AND p.proname IN ('apply_final_grading', 'compute_course_grades', 'effective_assessments', 'guard_item', 'guard_response', 'log_course_grade_changes', 'log_grade_changes', 'prepare_attempt', 'prepare_grade', 'queue_course_grades', 'queue_enrollment_grades', 'queue_institution_grades', 'queue_learner_grades', 'queue_scheme_grades', 'recalculate_course', 'recalculate_grades', 'refresh_grades', 'score_attempts')
    LOOP
        EXECUTE concat(
            'ALTER FUNCTION ', routine, ' SET search_path TO ',
            quote_ident(current_schema()), ', pg_temp'
        );
    END LOOP;
END
$$""",
    """\
CREATE TRIGGER refuse_change
BEFORE UPDATE OR DELETE ON grade_changes
FOR EACH ROW
EXECUTE FUNCTION refuse_change()""",
    """\
CREATE TRIGGER queue_grades
AFTER UPDATE OF round_to ON grading_schemes
FOR EACH ROW
EXECUTE FUNCTION queue_scheme_grades('id')""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON grading_scheme_levels
FOR EACH ROW
EXECUTE FUNCTION queue_scheme_grades('grading_scheme_id')""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON assessment_groups
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON gradebooks
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON grading_periods
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON late_policies
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER log_update
AFTER UPDATE ON course_grades
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION log_course_grade_changes()""",
    """\
CREATE TRIGGER queue_insert
AFTER INSERT ON course_grades
FOR EACH ROW
WHEN (new.override_percentage IS NOT NULL OR new.override_label IS NOT NULL)
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER queue_update
AFTER DELETE OR UPDATE OF override_percentage, override_label, finalized_at ON course_grades
FOR EACH ROW
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON learner_group_members
FOR EACH ROW
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER refuse_change
BEFORE UPDATE ON question_versions
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION refuse_change()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON assessments
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR UPDATE OR DELETE ON assessment_overrides
FOR EACH ROW
EXECUTE FUNCTION queue_course_grades()""",
    """\
CREATE TRIGGER refuse_change
BEFORE UPDATE ON assessment_versions
FOR EACH ROW
WHEN (old.published_at IS NOT NULL AND old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION refuse_change()""",
    """\
CREATE TRIGGER prepare_attempt
BEFORE INSERT ON assessment_attempts
FOR EACH ROW
EXECUTE FUNCTION prepare_attempt()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT OR DELETE OR UPDATE OF status, score, submitted_at, enrollment_id ON assessment_attempts
FOR EACH ROW
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER guard_item
BEFORE INSERT OR DELETE OR UPDATE OF assessment_version_id, question_version_id, order_index, points, pool ON assessment_items
FOR EACH ROW
EXECUTE FUNCTION guard_item()""",
    """\
CREATE TRIGGER prepare_grade
BEFORE INSERT OR UPDATE OF status, posted_at, override_score, is_excused, feedback ON grades
FOR EACH ROW
EXECUTE FUNCTION prepare_grade()""",
    """\
CREATE TRIGGER queue_insert
AFTER INSERT ON grades
FOR EACH ROW
WHEN (new.override_score IS NOT NULL OR new.is_excused)
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER queue_update
AFTER DELETE OR UPDATE OF override_score, is_excused, posted_at, enrollment_id ON grades
FOR EACH ROW
EXECUTE FUNCTION queue_learner_grades()""",
    """\
CREATE TRIGGER log_insert
AFTER INSERT ON grades
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION log_grade_changes()""",
    """\
CREATE TRIGGER log_update
AFTER UPDATE ON grades
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION log_grade_changes()""",
    """\
CREATE TRIGGER log_delete
AFTER DELETE ON grades
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT
EXECUTE FUNCTION log_grade_changes()""",
    """\
CREATE TRIGGER apply_final_grading
AFTER INSERT OR UPDATE OF score, is_final ON gradings
FOR EACH ROW
WHEN (new.is_final AND new.score IS NOT NULL)
EXECUTE FUNCTION apply_final_grading()""",
    """\
CREATE TRIGGER next_version
BEFORE UPDATE ON gradings
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION next_version()""",
    """\
CREATE TRIGGER guard_insert
BEFORE INSERT ON item_responses
FOR EACH ROW
EXECUTE FUNCTION guard_response()""",
    """\
CREATE TRIGGER guard_update
BEFORE UPDATE OF response ON item_responses
FOR EACH ROW
WHEN (old.response IS DISTINCT FROM new.response)
EXECUTE FUNCTION guard_response()""",
    """\
CREATE TRIGGER queue_grades
AFTER UPDATE OF timezone ON institutions
FOR EACH ROW
WHEN (old.timezone IS DISTINCT FROM new.timezone)
EXECUTE FUNCTION queue_institution_grades()""",
    """\
CREATE TRIGGER queue_grades
AFTER INSERT ON enrollments
FOR EACH ROW
EXECUTE FUNCTION queue_enrollment_grades()""",
)

DOWNGRADE = (
    "DROP TRIGGER queue_grades ON enrollments",
    "DROP TRIGGER queue_grades ON institutions",
    "DROP TRIGGER guard_update ON item_responses",
    "DROP TRIGGER guard_insert ON item_responses",
    "DROP TRIGGER next_version ON gradings",
    "DROP TRIGGER apply_final_grading ON gradings",
    "DROP TRIGGER log_delete ON grades",
    "DROP TRIGGER log_update ON grades",
    "DROP TRIGGER log_insert ON grades",
    "DROP TRIGGER queue_update ON grades",
    "DROP TRIGGER queue_insert ON grades",
    "DROP TRIGGER prepare_grade ON grades",
    "DROP TRIGGER guard_item ON assessment_items",
    "DROP TRIGGER queue_grades ON assessment_attempts",
    "DROP TRIGGER prepare_attempt ON assessment_attempts",
    "DROP TRIGGER refuse_change ON assessment_versions",
    "DROP TRIGGER queue_grades ON assessment_overrides",
    "DROP TRIGGER queue_grades ON assessments",
    "DROP TRIGGER refuse_change ON question_versions",
    "DROP TRIGGER queue_grades ON learner_group_members",
    "DROP TRIGGER queue_update ON course_grades",
    "DROP TRIGGER queue_insert ON course_grades",
    "DROP TRIGGER log_update ON course_grades",
    "DROP TRIGGER queue_grades ON late_policies",
    "DROP TRIGGER queue_grades ON grading_periods",
    "DROP TRIGGER queue_grades ON gradebooks",
    "DROP TRIGGER queue_grades ON assessment_groups",
    "DROP TRIGGER queue_grades ON grading_scheme_levels",
    "DROP TRIGGER queue_grades ON grading_schemes",
    "DROP TRIGGER refuse_change ON grade_changes",
    "DROP FUNCTION total_ratio",
    "DROP FUNCTION time_zone_or_utc",
    "DROP FUNCTION score_attempts",
    "DROP FUNCTION refuse_change",
    "DROP FUNCTION refresh_grades",
    "DROP FUNCTION recalculate_grades",
    "DROP FUNCTION recalculate_course",
    "DROP FUNCTION queue_scheme_grades",
    "DROP FUNCTION queue_learner_grades",
    "DROP FUNCTION queue_institution_grades",
    "DROP FUNCTION queue_enrollment_grades",
    "DROP FUNCTION queue_course_grades",
    "DROP FUNCTION prepare_grade",
    "DROP FUNCTION prepare_attempt",
    "DROP FUNCTION next_version",
    "DROP FUNCTION log_grade_changes",
    "DROP FUNCTION log_course_grade_changes",
    "DROP FUNCTION late_units",
    "DROP FUNCTION late_deduction",
    "DROP FUNCTION guard_response",
    "DROP FUNCTION guard_item",
    "DROP FUNCTION group_ratio",
    "DROP FUNCTION grade_percentage",
    "DROP FUNCTION effective_assessments",
    "DROP FUNCTION compute_course_grades",
    "DROP FUNCTION apply_final_grading",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
