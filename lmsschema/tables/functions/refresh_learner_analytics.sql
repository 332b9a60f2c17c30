-- learner_analytics of these users, anew from their sources as of now; days and weeks are those of
-- their institution's clock. Who is enrolled nowhere has no row. Returns how many rows were written.
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
$$
