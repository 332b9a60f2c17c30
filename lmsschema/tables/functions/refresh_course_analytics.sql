-- course_analytics of a course, anew from its sources: the periods that end on the first of these
-- days or later; NULL: all. A period has a row if something happened in it. A row stays as it is if
-- nothing did, unless one of the days lies in it: then it goes, but not with what an application
-- wrote into it. Returns how many rows were written.
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
$$
