"""Analytics of courses and learners are computed, and reports are views.

Revision ID: 0013_analytics
Revises: 0012_rollups
"""

# The triggers of the guide's tables come last: what they lock is locked for a moment.

from alembic import op

revision = "0013_analytics"
down_revision = "0012_rollups"
branch_labels = None
depends_on = None

UPGRADE = (
    """\
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
$$""",
    """\
CREATE FUNCTION compare_courses(institution UUID, since DATE DEFAULT '-infinity')
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    WITH rated AS (
        SELECT
            a.id, c.subject_area, a.average_completion_rate AS rate,
            count(*) OVER all_courses AS courses,
            percent_rank() OVER (all_courses ORDER BY a.average_completion_rate) AS percentile,
            count(*) OVER alike AS courses_alike,
            round(avg(a.average_completion_rate) OVER alike, 2) AS rate_alike
        FROM courses AS c
        INNER JOIN course_analytics AS a ON c.id = a.course_id
        WHERE c.institution_id = institution AND a.period_end >= since
            AND a.average_completion_rate IS NOT NULL
        WINDOW
            all_courses AS (PARTITION BY a.analysis_period, a.period_start),
            alike AS (PARTITION BY a.analysis_period, a.period_start, c.subject_area)
    ),
    compared AS (
        SELECT
            a.id,
            CASE WHEN r.courses > 1 THEN round(r.percentile::numeric, 2) END AS percentile,
            CASE WHEN r.id IS NULL THEN '{}' ELSE jsonb_build_object(
                'subject_area', r.subject_area, 'courses', r.courses_alike,
                'average_completion_rate', r.rate_alike, 'difference', r.rate - r.rate_alike
            ) END AS comparison
        FROM courses AS c
        INNER JOIN course_analytics AS a ON c.id = a.course_id AND a.period_end >= since
        LEFT JOIN rated AS r ON a.id = r.id
        WHERE c.institution_id = institution
    )
    UPDATE course_analytics AS a SET
        institution_percentile = x.percentile, subject_area_comparison = x.comparison,
        calculated_at = now()
    FROM compared AS x
    WHERE a.id = x.id AND (a.institution_percentile, a.subject_area_comparison)
        IS DISTINCT FROM (x.percentile, x.comparison);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$""",
    """\
CREATE FUNCTION course_term(course UUID, OUT starts DATE, OUT ends DATE)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    SELECT (t.term ->> 'starts')::date, (t.term ->> 'ends')::date INTO starts, ends
    FROM courses AS c
    INNER JOIN institutions AS i ON c.institution_id = i.id
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(i.academic_calendar -> 'terms')
            WHEN 'array' THEN i.academic_calendar -> 'terms' ELSE '[]' END
    ) WITH ORDINALITY AS t (term, place)
    WHERE c.id = course AND t.term ->> 'name' = c.academic_term
    ORDER BY t.place LIMIT 1;
    IF (starts <= ends AND isfinite(starts) AND isfinite(ends)) IS NOT TRUE THEN
        starts := NULL;
        ends := NULL;
    END IF;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
    starts := NULL;
    ends := NULL;
END
$$""",
    """\
CREATE FUNCTION queue_course_analytics() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recalculations (kind, course_id)
    SELECT 'analytics', c.id FROM courses AS c WHERE c.id = new.id OR c.institution_id = new.id;
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION queue_enrollment_analytics() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', old.course_id, (v.at AT TIME ZONE 'UTC')::date
        FROM unnest(ARRAY[old.enrolled_at, old.completion_date, old.withdrawn_at]) AS v (at)
        WHERE v.at IS NOT NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', new.course_id, (v.at AT TIME ZONE 'UTC')::date
        FROM unnest(ARRAY[new.enrolled_at, new.completion_date, new.withdrawn_at]) AS v (at)
        WHERE v.at IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$""",
    """\
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
$$""",
    """\
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
$$""",
    """\
CREATE FUNCTION refresh_course_analytics(course UUID, days DATE[] DEFAULT NULL)
RETURNS INTEGER LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    zone TEXT;
    since DATE;
    section_count BIGINT;
    gone INTEGER;
    written INTEGER;
BEGIN
    SELECT time_zone_or_utc(i.timezone) INTO zone
    FROM courses AS c INNER JOIN institutions AS i ON c.institution_id = i.id
    WHERE c.id = course;
    -- whoever named a day may have meant that of another clock
    SELECT coalesce(min(d) - 1, '-infinity') INTO since FROM unnest(days) AS d;
    SELECT count(*) INTO section_count
    FROM lessons AS l INNER JOIN sections AS s ON l.id = s.lesson_id WHERE l.course_id = course;
    WITH enrolled AS MATERIALIZED (
        SELECT
            e.id, e.user_id, (e.enrolled_at AT TIME ZONE zone)::date AS enrolled_on,
            (e.completion_date AT TIME ZONE zone)::date AS completed_on,
            (e.withdrawn_at AT TIME ZONE zone)::date AS withdrawn_on
        FROM enrollments AS e WHERE e.course_id = course
    ),
    worked AS MATERIALIZED (
        SELECT d.user_id, d.day, d.active_seconds, e.enrolled_on,
            least(e.completed_on, e.withdrawn_on) AS left_on
        FROM learner_course_daily AS d
        INNER JOIN enrolled AS e ON d.user_id = e.user_id
        WHERE d.course_id = course
    ),
    visits AS MATERIALIZED (
        SELECT (s.session_start AT TIME ZONE zone)::date AS day, e.enrolled_on
        FROM learning_sessions AS s
        INNER JOIN enrolled AS e ON s.user_id = e.user_id
        WHERE s.course_id = course
    ),
    progress AS MATERIALIZED ( -- nobody has done anything before they enrolled
        SELECT
            p.section_id, p.interaction_count, p.revisit_count,
            greatest((p.started_at AT TIME ZONE zone)::date, e.enrolled_on) AS started_on,
            greatest((p.completed_at AT TIME ZONE zone)::date,
                CASE WHEN p.completed_at IS NOT NULL THEN e.enrolled_on END) AS completed_on,
            CASE p.mastery_level WHEN 'struggling' THEN 0 WHEN 'developing' THEN 1
                WHEN 'proficient' THEN 2 WHEN 'advanced' THEN 3 END AS mastery
        FROM enrolled AS e
        INNER JOIN section_progress AS p ON e.id = p.enrollment_id
        INNER JOIN sections AS s ON p.section_id = s.id
        INNER JOIN lessons AS l ON s.lesson_id = l.id AND l.course_id = course
        WHERE p.completion_status <> 'not_started'
    ),
    happened AS MATERIALIZED (
        SELECT w.day FROM worked AS w UNION SELECT v.day FROM visits AS v
        UNION SELECT e.enrolled_on FROM enrolled AS e
        UNION SELECT e.completed_on FROM enrolled AS e WHERE e.completed_on IS NOT NULL
        UNION SELECT e.withdrawn_on FROM enrolled AS e WHERE e.withdrawn_on IS NOT NULL
        UNION SELECT p.started_on FROM progress AS p
        UNION SELECT p.completed_on FROM progress AS p WHERE p.completed_on IS NOT NULL
    ),
    spans AS MATERIALIZED ( -- the periods that each day lies in
        SELECT h.day, x.kind, x.starts, x.ends
        FROM happened AS h
        CROSS JOIN course_term(course) AS t
        CROSS JOIN LATERAL (VALUES
            ('daily'::analysis_period, h.day, h.day),
            ('weekly', date_trunc('week', h.day::timestamp)::date,
                date_trunc('week', h.day::timestamp)::date + 6),
            ('monthly', date_trunc('month', h.day::timestamp)::date,
                (date_trunc('month', h.day::timestamp) + interval '1 month')::date - 1),
            ('semester', CASE WHEN h.day BETWEEN t.starts AND t.ends THEN t.starts END, t.ends)
        ) AS x (kind, starts, ends)
        WHERE x.starts IS NOT NULL AND x.ends >= since
    ),
    periods AS MATERIALIZED (SELECT DISTINCT s.kind, s.starts, s.ends FROM spans AS s),
    removed AS (
        DELETE FROM course_analytics AS o
        WHERE o.course_id = course AND coalesce(o.content_effectiveness_scores, '{}') = '{}'
            AND EXISTS (
                SELECT FROM unnest(days) AS d WHERE d BETWEEN o.period_start AND o.period_end
            )
            AND NOT EXISTS (
                SELECT FROM periods AS p
                WHERE p.kind = o.analysis_period AND p.starts = o.period_start
            )
        RETURNING o.id
    ),
    people AS (
        SELECT
            p.kind, p.starts, count(*) AS enrolled,
            count(*) FILTER (WHERE e.completed_on <= p.ends) AS completed,
            count(*) FILTER (WHERE e.withdrawn_on <= p.ends) AS withdrawn
        FROM periods AS p INNER JOIN enrolled AS e ON e.enrolled_on <= p.ends
        GROUP BY p.kind, p.starts
    ),
    active AS (
        SELECT
            s.kind, s.starts, count(DISTINCT w.user_id) AS visitors,
            count(DISTINCT w.user_id) FILTER (WHERE coalesce(w.left_on > s.ends, true)) AS learners,
            sum(w.active_seconds) AS seconds
        FROM spans AS s INNER JOIN worked AS w ON s.day = w.day AND w.enrolled_on <= s.ends
        GROUP BY s.kind, s.starts
    ),
    visited AS (
        SELECT s.kind, s.starts, count(*) AS sessions
        FROM spans AS s INNER JOIN visits AS v ON s.day = v.day AND v.enrolled_on <= s.ends
        GROUP BY s.kind, s.starts
    ),
    done AS (
        SELECT p.kind, p.starts, sum(x.n) AS sections
        FROM periods AS p
        INNER JOIN (
            SELECT g.completed_on, count(*) AS n FROM progress AS g GROUP BY g.completed_on
        ) AS x ON x.completed_on <= p.ends
        GROUP BY p.kind, p.starts
    ),
    steps AS MATERIALIZED ( -- what was begun in each section on each day
        SELECT
            g.section_id, g.started_on, count(*) AS learners, sum(g.interaction_count) AS done,
            sum(g.revisit_count) AS revisits, sum(g.mastery) AS mastery,
            count(g.mastery) AS measured, count(*) FILTER (WHERE g.mastery = 0) AS struggling
        FROM progress AS g GROUP BY g.section_id, g.started_on
    ),
    per_section AS MATERIALIZED (
        SELECT
            p.kind, p.starts, x.section_id, sum(x.learners) AS learners, sum(x.done) AS done,
            sum(x.revisits) AS revisits, sum(x.mastery) AS mastery, sum(x.measured) AS measured,
            sum(x.struggling) AS struggling
        FROM periods AS p INNER JOIN steps AS x ON x.started_on <= p.ends
        GROUP BY p.kind, p.starts, x.section_id
    ),
    ranked AS (
        SELECT
            x.*,
            row_number() OVER (
                PARTITION BY x.kind, x.starts
                ORDER BY x.done / x.learners DESC, x.section_id
            ) AS engaging,
            row_number() OVER (
                PARTITION BY x.kind, x.starts
                ORDER BY x.learners >= 5 AND x.struggling > 0 DESC,
                    x.struggling / x.learners DESC, x.revisits / x.learners DESC, x.section_id
            ) AS challenging
        FROM per_section AS x
    ),
    told AS (
        SELECT
            x.kind, x.starts, round(sum(x.mastery) / nullif(3 * sum(x.measured), 0), 2) AS mastery,
            jsonb_agg(jsonb_build_object(
                'section_id', x.section_id, 'learners', x.learners,
                'interactions', round(x.done / x.learners, 2)
            ) ORDER BY x.engaging) FILTER (WHERE x.engaging <= 5 AND x.done > 0) AS engaging,
            jsonb_agg(jsonb_build_object(
                'section_id', x.section_id, 'learners', x.learners,
                'struggling', round(x.struggling / x.learners, 4),
                'revisits', round(x.revisits / x.learners, 2)
            ) ORDER BY x.challenging) FILTER (
                WHERE x.challenging <= 5 AND x.learners >= 5 AND x.struggling > 0
            ) AS challenging
        FROM ranked AS x GROUP BY x.kind, x.starts
    ),
    upserted AS (
        INSERT INTO course_analytics AS o (course_id, analysis_period, period_start, period_end,
            total_enrollments, active_learners, completed_learners, dropped_learners,
            average_time_spent, average_sessions_per_learner, average_completion_rate,
            average_mastery_score, most_engaging_sections, challenging_sections)
        SELECT
            course, p.kind, p.starts, p.ends, coalesce(e.enrolled, 0), coalesce(a.learners, 0),
            coalesce(e.completed, 0), coalesce(e.withdrawn, 0),
            CASE WHEN a.visitors > 0 THEN
                least(round(a.seconds / (60.0 * a.visitors), 2), 999999.99) END,
            CASE WHEN a.visitors > 0 THEN
                least(round(coalesce(v.sessions, 0)::numeric / a.visitors, 2), 999.99) END,
            round(100 * coalesce(d.sections, 0) / nullif(section_count * e.enrolled, 0), 2),
            t.mastery, coalesce(t.engaging, '[]'), coalesce(t.challenging, '[]')
        FROM periods AS p
        LEFT JOIN people AS e ON p.kind = e.kind AND p.starts = e.starts
        LEFT JOIN active AS a ON p.kind = a.kind AND p.starts = a.starts
        LEFT JOIN visited AS v ON p.kind = v.kind AND p.starts = v.starts
        LEFT JOIN done AS d ON p.kind = d.kind AND p.starts = d.starts
        LEFT JOIN told AS t ON p.kind = t.kind AND p.starts = t.starts
        ORDER BY p.kind, p.starts
        ON CONFLICT (course_id, analysis_period, period_start) DO UPDATE SET
            period_end = excluded.period_end, total_enrollments = excluded.total_enrollments,
            active_learners = excluded.active_learners,
            completed_learners = excluded.completed_learners,
            dropped_learners = excluded.dropped_learners,
            average_time_spent = excluded.average_time_spent,
            average_sessions_per_learner = excluded.average_sessions_per_learner,
            average_completion_rate = excluded.average_completion_rate,
            average_mastery_score = excluded.average_mastery_score,
            most_engaging_sections = excluded.most_engaging_sections,
            challenging_sections = excluded.challenging_sections, calculated_at = now()
        WHERE (o.period_end, o.total_enrollments, o.active_learners, o.completed_learners,
                o.dropped_learners, o.average_time_spent, o.average_sessions_per_learner,
                o.average_completion_rate, o.average_mastery_score, o.most_engaging_sections,
                o.challenging_sections)
            IS DISTINCT FROM (excluded.period_end, excluded.total_enrollments,
                excluded.active_learners, excluded.completed_learners, excluded.dropped_learners,
                excluded.average_time_spent, excluded.average_sessions_per_learner,
                excluded.average_completion_rate, excluded.average_mastery_score,
                excluded.most_engaging_sections, excluded.challenging_sections)
        RETURNING o.id
    )
    SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM upserted) INTO gone, written;
    RETURN gone + written;
END
$$""",
    """\
CREATE FUNCTION refresh_learner_analytics(learners UUID[])
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    WITH wanted AS MATERIALIZED (
        SELECT
            u.id AS user_id,
            (now() AT TIME ZONE coalesce(time_zone_or_utc(i.timezone), 'UTC'))::date AS today
        FROM users AS u
        LEFT JOIN institutions AS i ON u.institution_id = i.id
        WHERE u.id = ANY (learners)
            AND EXISTS (SELECT FROM enrollments AS e WHERE e.user_id = u.id)
    ),
    base AS (
        SELECT
            w.user_id, max(d.last_at) AS last_at,
            count(DISTINCT date_trunc('week', d.day::timestamp)) FILTER (
                WHERE d.day::timestamp > date_trunc('week', w.today::timestamp) - interval '50 days'
            ) AS active_weeks,
            floor(extract(day FROM date_trunc('week', w.today::timestamp)
                - date_trunc('week', min(d.day)::timestamp)) / 7) + 1 AS weeks
        FROM wanted AS w
        INNER JOIN learner_course_daily AS d ON w.user_id = d.user_id AND d.day <= w.today
        GROUP BY w.user_id, w.today
    ),
    times AS (
        SELECT x.user_id, jsonb_build_object(
            'night', round(coalesce(sum(x.n) FILTER (WHERE x.hour < 6), 0) / sum(x.n), 2),
            'morning', round(coalesce(sum(x.n) FILTER (WHERE x.hour BETWEEN 6 AND 11), 0)
                / sum(x.n), 2),
            'afternoon', round(coalesce(sum(x.n) FILTER (WHERE x.hour BETWEEN 12 AND 17), 0)
                / sum(x.n), 2),
            'evening', round(coalesce(sum(x.n) FILTER (WHERE x.hour >= 18), 0) / sum(x.n), 2)
        ) AS value
        FROM (
            SELECT w.user_id, h.place - 1 AS hour, h.n::numeric AS n
            FROM wanted AS w
            INNER JOIN learner_course_daily AS d ON w.user_id = d.user_id
            CROSS JOIN LATERAL unnest(d.hours) WITH ORDINALITY AS h (n, place)
            WHERE d.day > w.today - 84 AND d.day <= w.today AND h.n IS NOT NULL
        ) AS x
        GROUP BY x.user_id
    ),
    visits AS (
        SELECT s.user_id, jsonb_build_object(
            'sessions_per_week', round(count(*) / 12.0, 2),
            'median_minutes', round((
                percentile_cont(0.5) WITHIN GROUP (ORDER BY s.active_duration) / 60
            )::numeric, 1),
            'completed', round(avg((s.session_outcome = 'completed')::integer), 2)
        ) AS value
        FROM wanted AS w
        INNER JOIN learning_sessions AS s ON w.user_id = s.user_id
        WHERE s.session_start > now() - interval '84 days' AND s.session_start <= now()
        GROUP BY s.user_id
    ),
    progress AS (
        SELECT
            p.user_id,
            round(avg(CASE p.mastery_level WHEN 'struggling' THEN 0 WHEN 'developing' THEN 1
                WHEN 'proficient' THEN 2 WHEN 'advanced' THEN 3 END) / 3, 2) AS mastery,
            least(round(count(*) FILTER (
                WHERE p.completed_at > now() - interval '28 days' AND p.completed_at <= now()
            ) / 4.0, 2), 999.99) AS per_week
        FROM wanted AS w
        INNER JOIN section_progress AS p ON w.user_id = p.user_id
        WHERE p.completion_status <> 'not_started'
        GROUP BY p.user_id
    ),
    kinds AS (
        SELECT x.user_id, jsonb_object_agg(x.kind, round(x.seconds / x.total, 2)) AS value
        FROM (
            SELECT
                p.user_id, s.interaction_type AS kind, sum(p.time_spent)::numeric AS seconds,
                sum(sum(p.time_spent)) OVER (PARTITION BY p.user_id) AS total
            FROM wanted AS w
            INNER JOIN section_progress AS p ON w.user_id = p.user_id
            INNER JOIN sections AS s ON p.section_id = s.id
            GROUP BY p.user_id, s.interaction_type
        ) AS x
        WHERE x.seconds > 0
        GROUP BY x.user_id
    ),
    areas AS (
        SELECT
            x.user_id,
            jsonb_agg(jsonb_build_object('area', x.area, 'percentage', x.percentage)
                ORDER BY x.percentage DESC, x.area) FILTER (WHERE x.percentage >= 80) AS strong,
            jsonb_agg(jsonb_build_object('area', x.area, 'percentage', x.percentage)
                ORDER BY x.percentage, x.area) FILTER (WHERE x.percentage < 60) AS weak
        FROM (
            SELECT e.user_id, c.subject_area AS area,
                round(avg(coalesce(g.override_percentage, g.current_percentage)), 2) AS percentage
            FROM wanted AS w
            INNER JOIN enrollments AS e ON w.user_id = e.user_id
            INNER JOIN course_grades AS g
                ON e.id = g.enrollment_id AND g.grading_period_id IS NULL
            INNER JOIN courses AS c ON e.course_id = c.id
            WHERE coalesce(g.override_percentage, g.current_percentage) IS NOT NULL
            GROUP BY e.user_id, c.subject_area
        ) AS x
        GROUP BY x.user_id
    ),
    risks AS (
        SELECT r.user_id, jsonb_agg(
            jsonb_build_object('course_id', x.course_id, 'signals', r.signals) ORDER BY x.course_id
        ) AS value
        FROM (
            SELECT e.course_id, array_agg(e.id) AS enrollments
            FROM wanted AS w INNER JOIN enrollments AS e ON w.user_id = e.user_id
            WHERE e.enrollment_status = 'active'
            GROUP BY e.course_id
        ) AS x
        CROSS JOIN LATERAL at_risk_learners(x.course_id, x.enrollments) AS r
        GROUP BY r.user_id
    )
    INSERT INTO learner_analytics AS o (user_id, strength_areas, improvement_areas,
        overall_mastery_score, learning_velocity, engagement_consistency, preferred_learning_times,
        session_patterns, interaction_preferences, at_risk_indicators, last_activity_at)
    SELECT
        w.user_id, coalesce(a.strong, '[]'), coalesce(a.weak, '[]'), p.mastery,
        p.per_week, round(b.active_weeks / least(8, b.weeks), 2),
        coalesce(t.value, '{}'), coalesce(v.value, '{}'), coalesce(k.value, '{}'),
        coalesce(r.value, '[]'), b.last_at
    FROM wanted AS w
    LEFT JOIN base AS b ON w.user_id = b.user_id
    LEFT JOIN times AS t ON w.user_id = t.user_id
    LEFT JOIN visits AS v ON w.user_id = v.user_id
    LEFT JOIN progress AS p ON w.user_id = p.user_id
    LEFT JOIN kinds AS k ON w.user_id = k.user_id
    LEFT JOIN areas AS a ON w.user_id = a.user_id
    LEFT JOIN risks AS r ON w.user_id = r.user_id
    ORDER BY w.user_id
    ON CONFLICT (user_id) DO UPDATE SET
        strength_areas = excluded.strength_areas, improvement_areas = excluded.improvement_areas,
        overall_mastery_score = excluded.overall_mastery_score,
        learning_velocity = excluded.learning_velocity,
        engagement_consistency = excluded.engagement_consistency,
        preferred_learning_times = excluded.preferred_learning_times,
        session_patterns = excluded.session_patterns,
        interaction_preferences = excluded.interaction_preferences,
        at_risk_indicators = excluded.at_risk_indicators,
        last_activity_at = excluded.last_activity_at, profile_updated_at = now()
    WHERE (o.strength_areas, o.improvement_areas, o.overall_mastery_score, o.learning_velocity,
            o.engagement_consistency, o.preferred_learning_times, o.session_patterns,
            o.interaction_preferences, o.at_risk_indicators, o.last_activity_at)
        IS DISTINCT FROM (excluded.strength_areas, excluded.improvement_areas,
            excluded.overall_mastery_score, excluded.learning_velocity,
            excluded.engagement_consistency, excluded.preferred_learning_times,
            excluded.session_patterns, excluded.interaction_preferences,
            excluded.at_risk_indicators, excluded.last_activity_at);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
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
        WHERE n.nspname = current_schema() AND p.proname IN ('at_risk_learners', 'compare_courses', 'course_term', 'queue_course_analytics', 'queue_enrollment_analytics', 'recalculate_analytics', 'recalculate_learners', 'refresh_course_analytics', 'refresh_learner_analytics')
    LOOP
        EXECUTE concat(
            'ALTER FUNCTION ', routine, ' SET search_path TO ',
            quote_ident(current_schema()), ', pg_temp'
        );
    END LOOP;
END
$$""",
    """\
CREATE VIEW report_gradebook WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    a.id AS assessment_id,
    a.title,
    e.id AS enrollment_id,
    e.user_id,
    v.due_at,
    v.closes_at,
    a.points_possible,
    g.version,
    CASE WHEN NOT x.is_masked THEN g.score END AS score,
    CASE WHEN NOT x.is_masked THEN round(100 * g.score / a.points_possible, 2) END AS percentage,
    CASE WHEN NOT x.is_masked THEN g.late_deduction END AS late_deduction,
    CASE
        WHEN g.is_excused THEN 'excused'
        WHEN g.override_score IS NOT NULL THEN 'graded'
        ELSE coalesce(g.status::TEXT, 'not_submitted')
    END AS status,
    coalesce(g.posted_at <= now(), false) AS is_posted,
    coalesce(
        v.due_at < now() AND e.enrollment_status = 'active' AND a.assessment_group_id IS NOT NULL
        AND coalesce(
            g.status = 'not_submitted' AND g.override_score IS NULL AND NOT g.is_excused, true
        ),
        false
    ) AS is_missing,
    coalesce(
        t.details -> a.assessment_group_id::TEXT -> 'dropped' ? a.id::TEXT, false
    ) AS is_dropped
FROM courses AS c
CROSS JOIN LATERAL effective_assessments(c.id) AS v
INNER JOIN assessments AS a ON v.assessment_id = a.id
INNER JOIN enrollments AS e ON v.enrollment_id = e.id
LEFT JOIN grades AS g ON v.enrollment_id = g.enrollment_id AND v.assessment_id = g.assessment_id
LEFT JOIN course_grades AS t
    ON v.enrollment_id = t.enrollment_id AND t.grading_period_id IS NULL
INNER JOIN LATERAL (
    SELECT a.is_anonymous AND coalesce(a.revealed_at > now(), true) AS is_masked
) AS x ON true
WHERE v.is_assigned""",
    "COMMENT ON VIEW report_gradebook IS 'What has each learner of a course in each assessment?'",
    """\
CREATE VIEW report_missing_work WITH (security_invoker = true) AS
SELECT
    b.institution_id,
    b.course_id,
    b.assessment_id,
    b.title,
    b.enrollment_id,
    b.user_id,
    b.due_at,
    b.closes_at,
    coalesce(b.closes_at > now(), true) AS can_be_handed_in
FROM report_gradebook AS b
WHERE b.is_missing""",
    "COMMENT ON VIEW report_missing_work IS 'What was due and is not handed in, and can it still be?'",
    """\
CREATE VIEW report_course_grades WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.course_code,
    c.academic_term,
    e.id AS enrollment_id,
    e.user_id,
    e.enrollment_status,
    g.grading_period_id,
    g.current_percentage,
    x.percentage,
    l.grade_points,
    l.is_passing,
    g.finalized_at,
    coalesce(g.override_label, g.final_label) AS label,
    num_nonnulls(g.override_percentage, g.override_label) > 0 AS is_overridden
FROM enrollments AS e
INNER JOIN courses AS c ON e.course_id = c.id
LEFT JOIN gradebooks AS b ON c.id = b.course_id
LEFT JOIN course_grades AS g ON e.id = g.enrollment_id
INNER JOIN LATERAL (
    SELECT coalesce(g.override_percentage, g.final_percentage) AS percentage
) AS x ON true
LEFT JOIN LATERAL (
    SELECT
        s.grade_points,
        s.is_passing
    FROM grading_scheme_levels AS s
    WHERE
        s.grading_scheme_id = b.grading_scheme_id
        AND CASE
            WHEN g.override_label IS NULL THEN s.min_percentage <= x.percentage
            ELSE s.label = g.override_label
        END
    ORDER BY s.min_percentage DESC
    LIMIT 1
) AS l ON true""",
    "COMMENT ON VIEW report_course_grades IS 'Which grades do learners have in a course and its periods?'",
    """\
CREATE VIEW report_at_risk_learners WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.title,
    r.enrollment_id,
    r.user_id,
    r.signals
FROM courses AS c
CROSS JOIN LATERAL at_risk_learners(c.id) AS r""",
    "COMMENT ON VIEW report_at_risk_learners IS 'Which active learners are at risk, and why?'",
    """\
CREATE VIEW report_assessment_statistics WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    a.course_id,
    a.id AS assessment_id,
    a.title,
    a.points_possible,
    x.graded,
    x.mean,
    x.median,
    x.standard_deviation,
    x.lowest,
    x.highest
FROM assessments AS a
INNER JOIN LATERAL (
    SELECT
        count(p.percentage) AS graded,
        round(avg(p.percentage), 2) AS mean,
        round(
            percentile_cont(0.5) WITHIN GROUP (ORDER BY p.percentage)::NUMERIC, 2
        ) AS median,
        round(stddev_samp(p.percentage), 2) AS standard_deviation,
        round(min(p.percentage), 2) AS lowest,
        round(max(p.percentage), 2) AS highest
    FROM (
        SELECT 100 * g.score / a.points_possible AS percentage
        FROM grades AS g
        WHERE g.assessment_id = a.id AND NOT g.is_excused
    ) AS p
) AS x ON true
WHERE NOT a.is_anonymous OR a.revealed_at <= now()""",
    "COMMENT ON VIEW report_assessment_statistics IS 'How did assessments turn out?'",
    """\
CREATE VIEW report_item_analysis WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    a.course_id,
    a.id AS assessment_id,
    a.title,
    x.assessment_item_id,
    i.question_version_id,
    i.points,
    x.responses,
    round(x.mean / nullif(i.points, 0), 4) AS facility,
    round(x.deviation / nullif(i.points, 0), 4) AS standard_deviation,
    round(x.discrimination, 4) AS discrimination,
    round((x.upper_mean - x.lower_mean) / nullif(i.points, 0), 4) AS upper_minus_lower,
    round(x.omitted, 4) AS omitted
FROM assessments AS a
INNER JOIN LATERAL (
    SELECT
        z.assessment_item_id,
        count(*) AS responses,
        avg(z.score) AS mean,
        stddev_samp(z.score) AS deviation,
        corr(z.score, z.rest)::NUMERIC AS discrimination,
        avg(z.score) FILTER (WHERE z.from_top <= 0.27) AS upper_mean,
        avg(z.score) FILTER (WHERE z.from_bottom <= 0.27) AS lower_mean,
        avg(z.is_omitted::INTEGER) AS omitted
    FROM (
        SELECT
            y.*,
            percent_rank() OVER (
                PARTITION BY y.assessment_item_id
                ORDER BY y.rest DESC
            ) AS from_top,
            percent_rank() OVER (
                PARTITION BY y.assessment_item_id
                ORDER BY y.rest
            ) AS from_bottom
        FROM (
            SELECT
                r.assessment_item_id,
                coalesce(r.score, 0) AS score,
                r.response IS NULL AS is_omitted,
                sum(coalesce(r.score, 0)) OVER (PARTITION BY r.attempt_id)
                - coalesce(r.score, 0) AS rest
            FROM assessment_attempts AS t
            INNER JOIN item_responses AS r ON t.id = r.attempt_id
            WHERE t.assessment_id = a.id AND t.status = 'graded' AND t.attempt_number = 1
        ) AS y
    ) AS z
    GROUP BY z.assessment_item_id
) AS x ON true
INNER JOIN assessment_items AS i ON x.assessment_item_id = i.id
WHERE NOT a.is_anonymous OR a.revealed_at <= now()""",
    "COMMENT ON VIEW report_item_analysis IS 'Which questions are too hard, too easy, or wrong, by first attempts?'",
    """\
CREATE VIEW report_grading_queue WITH (security_invoker = true) AS
SELECT
    a.institution_id,
    t.course_id,
    t.assessment_id,
    a.title,
    t.id AS attempt_id,
    t.attempt_number,
    t.submitted_at,
    round(extract(EPOCH FROM now() - t.submitted_at) / 3600, 1) AS waiting_hours,
    CASE WHEN NOT a.is_anonymous OR a.revealed_at <= now() THEN t.enrollment_id END AS enrollment_id
FROM assessments AS a
INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
WHERE t.status = 'submitted'""",
    "COMMENT ON VIEW report_grading_queue IS 'What waits to be graded, and for how long?'",
    """\
CREATE VIEW report_instructor_workload WITH (security_invoker = true) AS
SELECT
    u.institution_id,
    u.id AS user_id,
    u.username,
    count(c.id) AS courses,
    sum(n.learners) AS active_learners,
    sum(q.waiting) AS waiting,
    round(max(q.hours), 1) AS longest_wait_hours,
    sum(d.graded) AS graded_in_28_days,
    round(sum(d.hours) / nullif(sum(d.graded), 0), 1) AS mean_hours_to_grade
FROM users AS u
INNER JOIN courses AS c ON u.id = c.instructor_id
INNER JOIN LATERAL (
    SELECT count(*) AS learners
    FROM enrollments AS e
    WHERE e.course_id = c.id AND e.enrollment_status = 'active'
) AS n ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS waiting,
        extract(EPOCH FROM now() - min(t.submitted_at)) / 3600 AS hours
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE a.course_id = c.id AND t.status = 'submitted'
) AS q ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS graded,
        sum(extract(EPOCH FROM t.graded_at - t.submitted_at)) / 3600 AS hours
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE
        a.course_id = c.id AND t.status = 'graded'
        AND t.graded_at > now() - INTERVAL '28 days'
) AS d ON true
GROUP BY u.id""",
    "COMMENT ON VIEW report_instructor_workload IS 'How much do instructors have to do, and how long does it take?'",
    """\
CREATE VIEW report_course_funnel WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    c.id AS course_id,
    c.title,
    count(e.id) AS enrolled,
    count(e.last_accessed_at) AS started,
    count(*) FILTER (WHERE e.progress_percentage >= 25) AS reached_25,
    count(*) FILTER (WHERE e.progress_percentage >= 50) AS reached_50,
    count(*) FILTER (WHERE e.progress_percentage >= 75) AS reached_75,
    count(*) FILTER (WHERE e.progress_percentage = 100) AS reached_100,
    count(e.completion_date) AS completed,
    count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn
FROM courses AS c
LEFT JOIN enrollments AS e ON c.id = e.course_id
GROUP BY c.id""",
    "COMMENT ON VIEW report_course_funnel IS 'How far do the learners of a course get?'",
    """\
CREATE VIEW report_engagement_heatmap WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    d.course_id,
    date_trunc('month', d.day::TIMESTAMP)::DATE AS month_start,
    extract(ISODOW FROM d.day)::INTEGER AS iso_weekday,
    (h.place - 1)::INTEGER AS hour_of_day,
    sum(h.events) AS events,
    count(DISTINCT d.user_id) AS learners
FROM courses AS c
INNER JOIN learner_course_daily AS d ON c.id = d.course_id
CROSS JOIN LATERAL unnest(d.hours) WITH ORDINALITY AS h (events, place)
WHERE h.events IS NOT NULL
GROUP BY c.institution_id, d.course_id, month_start, iso_weekday, hour_of_day""",
    "COMMENT ON VIEW report_engagement_heatmap IS 'On which weekdays and at which hours do learners work?'",
    """\
CREATE VIEW report_completion_cohorts WITH (security_invoker = true) AS
SELECT
    c.institution_id,
    e.course_id,
    date_trunc('month', e.enrolled_at AT TIME ZONE time_zone_or_utc(i.timezone))::DATE AS cohort,
    count(*) AS enrolled,
    count(*) FILTER (
        WHERE e.completion_date < e.enrolled_at + INTERVAL '90 days'
    ) AS completed_in_90_days,
    count(*) FILTER (
        WHERE e.completion_date < e.enrolled_at + INTERVAL '180 days'
    ) AS completed_in_180_days,
    count(e.completion_date) AS completed,
    count(*) FILTER (
        WHERE e.withdrawn_at < e.enrolled_at + INTERVAL '30 days'
    ) AS left_in_30_days,
    count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn,
    round(100.0 * count(e.completion_date) / count(*), 2) AS completion_percentage
FROM institutions AS i
INNER JOIN courses AS c ON i.id = c.institution_id
INNER JOIN enrollments AS e ON c.id = e.course_id
GROUP BY c.institution_id, e.course_id, cohort""",
    "COMMENT ON VIEW report_completion_cohorts IS 'Of those who joined in a month, how many completed, and how many left?'",
    """\
CREATE VIEW report_institution_overview WITH (security_invoker = true) AS
SELECT
    i.id AS institution_id,
    i.name,
    x.courses,
    n.enrollments,
    n.learners,
    n.completed,
    n.withdrawn,
    n.mean_percentage,
    f.active_in_7_days,
    f.active_in_28_days,
    f.hours_in_28_days,
    q.waiting
FROM institutions AS i
INNER JOIN LATERAL (
    SELECT count(*) AS courses
    FROM courses AS c
    WHERE c.institution_id = i.id
) AS x ON true
INNER JOIN LATERAL (
    SELECT
        count(*) AS enrollments,
        count(DISTINCT e.user_id) AS learners,
        count(e.completion_date) AS completed,
        count(*) FILTER (WHERE e.enrollment_status = 'withdrawn') AS withdrawn,
        round(avg(e.grade), 2) AS mean_percentage
    FROM courses AS c
    INNER JOIN enrollments AS e ON c.id = e.course_id
    WHERE c.institution_id = i.id
) AS n ON true
INNER JOIN LATERAL (
    SELECT
        count(DISTINCT d.user_id) FILTER (WHERE d.day > current_date - 7) AS active_in_7_days,
        count(DISTINCT d.user_id) AS active_in_28_days,
        round(coalesce(sum(d.active_seconds), 0) / 3600.0, 1) AS hours_in_28_days
    FROM courses AS c
    INNER JOIN learner_course_daily AS d ON c.id = d.course_id
    WHERE c.institution_id = i.id AND d.day > current_date - 28
) AS f ON true
INNER JOIN LATERAL (
    SELECT count(*) AS waiting
    FROM assessments AS a
    INNER JOIN assessment_attempts AS t ON a.id = t.assessment_id
    WHERE a.institution_id = i.id AND t.status = 'submitted'
) AS q ON true""",
    "COMMENT ON VIEW report_institution_overview IS 'How large and how busy is an institution?'",
    """\
CREATE TRIGGER queue_analytics
AFTER INSERT OR DELETE OR UPDATE OF course_id, enrolled_at, completion_date, enrollment_status, withdrawn_at ON enrollments
FOR EACH ROW
EXECUTE FUNCTION queue_enrollment_analytics()""",
    """\
CREATE TRIGGER queue_analytics
AFTER UPDATE OF institution_id, subject_area, academic_term ON courses
FOR EACH ROW
EXECUTE FUNCTION queue_course_analytics()""",
    """\
CREATE TRIGGER queue_analytics
AFTER UPDATE OF timezone, academic_calendar ON institutions
FOR EACH ROW
WHEN (old.timezone IS DISTINCT FROM new.timezone OR old.academic_calendar IS DISTINCT FROM new.academic_calendar)
EXECUTE FUNCTION queue_course_analytics()""",
)

DOWNGRADE = (
    "DROP TRIGGER queue_analytics ON institutions",
    "DROP TRIGGER queue_analytics ON courses",
    "DROP TRIGGER queue_analytics ON enrollments",
    "DROP VIEW report_institution_overview",
    "DROP VIEW report_completion_cohorts",
    "DROP VIEW report_engagement_heatmap",
    "DROP VIEW report_course_funnel",
    "DROP VIEW report_instructor_workload",
    "DROP VIEW report_grading_queue",
    "DROP VIEW report_item_analysis",
    "DROP VIEW report_assessment_statistics",
    "DROP VIEW report_at_risk_learners",
    "DROP VIEW report_course_grades",
    "DROP VIEW report_missing_work",
    "DROP VIEW report_gradebook",
    "DROP FUNCTION refresh_learner_analytics",
    "DROP FUNCTION refresh_course_analytics",
    "DROP FUNCTION recalculate_learners",
    "DROP FUNCTION recalculate_analytics",
    "DROP FUNCTION queue_enrollment_analytics",
    "DROP FUNCTION queue_course_analytics",
    "DROP FUNCTION course_term",
    "DROP FUNCTION compare_courses",
    "DROP FUNCTION at_risk_learners",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
