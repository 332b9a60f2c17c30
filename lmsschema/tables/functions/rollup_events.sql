-- Computes anew the sessions and days that events touch which came, or were voided, in (since, until].
-- A session lasts a day at most from its first event and is of that event's user; a pause of more than
-- ten minutes is not active time. Returns how many rows were written.
CREATE FUNCTION rollup_events(
    since TIMESTAMP WITH TIME ZONE, until TIMESTAMP WITH TIME ZONE,
    OUT sessions INTEGER, OUT days INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
    idle CONSTANT INTERVAL := '10 minutes';
    kept_from CONSTANT TIMESTAMP WITH TIME ZONE := events_kept_from();
    courses UUID[];
    learners UUID[];
BEGIN
    WITH touched AS (
        SELECT e.session_id, e.event_timestamp AS at, false AS is_void FROM learning_events AS e
        WHERE e.server_timestamp > since AND e.server_timestamp <= until AND e.user_id IS NOT NULL
            AND e.event_timestamp >= kept_from
        UNION ALL
        SELECT v.session_id, v.event_timestamp, true FROM voided_events AS v
        WHERE v.voided_at > since AND v.voided_at <= until AND v.user_id IS NOT NULL
            AND v.event_timestamp >= kept_from
    ),
    wanted AS MATERIALIZED ( -- of a void event the first one after it is looked for
        SELECT t.session_id, coalesce(
            CASE WHEN bool_or(t.is_void) THEN (
                SELECT min(e.event_timestamp) FROM learning_events AS e
                WHERE e.session_id = t.session_id AND e.user_id IS NOT NULL
                    AND e.event_timestamp >= kept_from
            ) END,
            least(min(t.at), min(s.session_start))
        ) AS first_at
        FROM touched AS t LEFT JOIN learning_sessions AS s ON t.session_id = s.id
        GROUP BY t.session_id
        HAVING coalesce(min(s.session_start) >= kept_from, true)
    ),
    found AS (
        SELECT
            w.session_id, e.id, e.user_id, e.course_id, e.lesson_id, e.section_id, e.event_type,
            e.event_category, e.event_action, e.event_timestamp AS at, e.engagement_score,
            e.device_info ->> 'type' AS device, e.browser_info ->> 'name' AS browser,
            first_value(e.user_id) OVER (
                PARTITION BY w.session_id ORDER BY e.event_timestamp, e.id
            ) AS first_user
        FROM wanted AS w
        CROSS JOIN LATERAL ( -- by the index, whatever the planner thinks
            SELECT v.* FROM learning_events AS v
            WHERE v.session_id = w.session_id AND v.user_id IS NOT NULL
                AND v.event_timestamp >= w.first_at
                AND v.event_timestamp <= w.first_at + INTERVAL '1 day'
            OFFSET 0
        ) AS e
    ),
    timed AS (
        SELECT
            f.*, lead(f.at) OVER w - f.at AS gap, lead(f.at) OVER w IS NULL AS is_last
        FROM found AS f
        WHERE f.user_id = f.first_user
        WINDOW w AS (PARTITION BY f.session_id ORDER BY f.at, f.id)
    ),
    made AS (
        SELECT
            t.session_id, t.first_user AS user_id,
            mode() WITHIN GROUP (ORDER BY t.course_id) AS course_id,
            min(t.at) AS session_start, max(t.at) AS session_end,
            floor(extract(EPOCH FROM max(t.at) - min(t.at)))::integer AS total_duration,
            floor(extract(EPOCH FROM coalesce(sum(t.gap) FILTER (WHERE t.gap <= idle), '0')))::integer
                AS active_duration,
            count(DISTINCT t.lesson_id)::integer AS lessons_accessed,
            count(DISTINCT t.section_id) FILTER (
                WHERE t.event_category = 'progress' AND t.event_action = 'completed'
            )::integer AS sections_completed,
            count(*) FILTER (
                WHERE t.event_category IN ('interaction', 'assessment', 'social')
            )::integer AS interactions_count,
            round(avg(t.engagement_score) FILTER (WHERE t.engagement_score > 0), 2)
                AS engagement_score,
            left(max(t.device) FILTER (WHERE t.is_last), 50) AS device_type,
            left(max(t.browser) FILTER (WHERE t.is_last), 50) AS browser_type,
            coalesce(bool_or(
                t.event_category = 'progress' AND t.event_action = 'completed'
                    AND t.section_id IS NOT NULL
                OR t.event_category = 'assessment' AND t.event_action = 'submitted'
                OR t.event_type = 'terminated'
            ), false) AS is_complete,
            (array_agg(jsonb_build_object('at', t.at, 'lesson_id', t.lesson_id, 'section_id',
                t.section_id, 'event_type', t.event_type)) FILTER (WHERE t.is_last))[1]
                AS exit_point
        FROM timed AS t
        GROUP BY t.session_id, t.first_user
    ),
    emptied AS ( -- all its events are void
        DELETE FROM learning_sessions AS o USING wanted AS w
        WHERE o.id = w.session_id
            AND NOT EXISTS (SELECT FROM made AS m WHERE m.session_id = w.session_id)
        RETURNING 1
    ),
    written AS (
        INSERT INTO learning_sessions AS o (id, user_id, course_id, session_start, session_end,
            total_duration, active_duration, lessons_accessed, sections_completed,
            interactions_count, engagement_score, learning_velocity, device_type, browser_type,
            session_outcome, exit_point)
        SELECT
            m.session_id, m.user_id, m.course_id, m.session_start, m.session_end, m.total_duration,
            m.active_duration, m.lessons_accessed, m.sections_completed, m.interactions_count,
            m.engagement_score,
            CASE WHEN m.active_duration >= 60 AND m.sections_completed < 1000
                THEN round(m.sections_completed * 60.0 / m.active_duration, 2) END,
            m.device_type, m.browser_type,
            CASE WHEN m.is_complete THEN 'completed' WHEN m.interactions_count = 0 THEN 'abandoned'
                ELSE 'interrupted' END::session_outcome,
            m.exit_point
        FROM made AS m
        ORDER BY m.session_id
        ON CONFLICT (id) DO UPDATE SET
            user_id = excluded.user_id, course_id = excluded.course_id,
            session_start = excluded.session_start, session_end = excluded.session_end,
            total_duration = excluded.total_duration, active_duration = excluded.active_duration,
            lessons_accessed = excluded.lessons_accessed,
            sections_completed = excluded.sections_completed,
            interactions_count = excluded.interactions_count,
            engagement_score = excluded.engagement_score,
            learning_velocity = excluded.learning_velocity,
            device_type = coalesce(excluded.device_type, o.device_type),
            browser_type = coalesce(excluded.browser_type, o.browser_type),
            session_outcome = excluded.session_outcome, exit_point = excluded.exit_point
        WHERE (o.user_id, o.course_id, o.session_start, o.session_end, o.active_duration,
                o.lessons_accessed, o.sections_completed, o.interactions_count, o.engagement_score,
                o.session_outcome, o.exit_point)
            IS DISTINCT FROM (excluded.user_id, excluded.course_id, excluded.session_start,
                excluded.session_end, excluded.active_duration, excluded.lessons_accessed,
                excluded.sections_completed, excluded.interactions_count,
                excluded.engagement_score, excluded.session_outcome, excluded.exit_point)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM emptied) INTO sessions;
    WITH touched AS MATERIALIZED ( -- an event may end the pause of one on the day before
        SELECT DISTINCT e.user_id, x.at
        FROM (
            SELECT l.user_id, l.event_timestamp FROM learning_events AS l
            WHERE l.server_timestamp > since AND l.server_timestamp <= until
            UNION ALL
            SELECT v.user_id, v.event_timestamp FROM voided_events AS v
            WHERE v.voided_at > since AND v.voided_at <= until
        ) AS e
        CROSS JOIN LATERAL (VALUES (e.event_timestamp), (e.event_timestamp - idle)) AS x (at)
        WHERE e.user_id IS NOT NULL
    ),
    zones AS MATERIALIZED (
        SELECT i.id, time_zone_or_utc(i.timezone) AS zone FROM institutions AS i
        WHERE i.id IN (
            SELECT u.institution_id FROM users AS u
            WHERE u.id IN (SELECT t.user_id FROM touched AS t)
        )
    ),
    wanted AS MATERIALIZED (
        SELECT
            d.user_id, d.day, d.zone, d.day::timestamp AT TIME ZONE d.zone AS begins,
            (d.day + 1)::timestamp AT TIME ZONE d.zone AS ends
        FROM (
            SELECT DISTINCT t.user_id, z.zone, (t.at AT TIME ZONE z.zone)::date AS day
            FROM touched AS t
            INNER JOIN users AS u ON t.user_id = u.id
            INNER JOIN zones AS z ON u.institution_id = z.id
        ) AS d
        WHERE d.day::timestamp AT TIME ZONE d.zone >= kept_from
    ),
    timed AS (
        SELECT
            w.user_id, w.day, w.ends, t.course_id, t.at, t.event_category, t.event_action,
            t.section_id, extract(HOUR FROM t.at AT TIME ZONE w.zone)::integer AS hour,
            lead(t.at) OVER (PARTITION BY w.user_id, w.day, t.session_id ORDER BY t.at, t.id) - t.at
                AS gap
        FROM wanted AS w
        CROSS JOIN LATERAL (
            SELECT e.id, e.session_id, e.course_id, e.section_id, e.event_category, e.event_action,
                e.event_timestamp AS at
            FROM learning_events AS e
            WHERE e.user_id = w.user_id AND e.event_timestamp >= w.begins
                AND e.event_timestamp < w.ends + idle
            OFFSET 0
        ) AS t
    ),
    daily AS (
        SELECT
            t.course_id, t.user_id, t.day, count(*)::integer AS events,
            count(*) FILTER (
                WHERE t.event_category IN ('interaction', 'assessment', 'social')
            )::integer AS interactions,
            floor(extract(EPOCH FROM coalesce(sum(t.gap) FILTER (WHERE t.gap <= idle), '0')))::integer
                AS active_seconds,
            count(DISTINCT t.section_id) FILTER (
                WHERE t.event_category = 'progress' AND t.event_action = 'completed'
            )::integer AS sections_completed,
            array_agg(t.hour) AS all_hours, min(t.at) AS first_at, max(t.at) AS last_at
        FROM timed AS t
        WHERE t.course_id IS NOT NULL AND t.at < t.ends
        GROUP BY t.course_id, t.user_id, t.day
    ),
    made AS (
        SELECT d.*, h.hours
        FROM daily AS d
        CROSS JOIN LATERAL (
            SELECT array_agg(x.events ORDER BY n.hour) AS hours
            FROM generate_series(0, 23) AS n (hour)
            LEFT JOIN (
                SELECT a.hour, count(*)::integer AS events
                FROM unnest(d.all_hours) AS a (hour) GROUP BY a.hour
            ) AS x ON n.hour = x.hour
        ) AS h
    ),
    emptied AS (
        DELETE FROM learner_course_daily AS o USING wanted AS w
        WHERE o.user_id = w.user_id AND o.day = w.day AND NOT EXISTS (
            SELECT FROM made AS m
            WHERE m.course_id = o.course_id AND m.user_id = o.user_id AND m.day = o.day
        )
        RETURNING o.course_id, o.user_id, o.day
    ),
    written AS (
        INSERT INTO learner_course_daily AS o (course_id, user_id, day, events, interactions,
            active_seconds, sections_completed, hours, first_at, last_at)
        SELECT m.course_id, m.user_id, m.day, m.events, m.interactions, m.active_seconds,
            m.sections_completed, m.hours, m.first_at, m.last_at
        FROM made AS m
        ORDER BY m.course_id, m.user_id, m.day
        ON CONFLICT (course_id, user_id, day) DO UPDATE SET
            events = excluded.events, interactions = excluded.interactions,
            active_seconds = excluded.active_seconds,
            sections_completed = excluded.sections_completed, hours = excluded.hours,
            first_at = excluded.first_at, last_at = excluded.last_at
        WHERE (o.events, o.interactions, o.active_seconds, o.sections_completed, o.hours,
                o.first_at, o.last_at)
            IS DISTINCT FROM (excluded.events, excluded.interactions, excluded.active_seconds,
                excluded.sections_completed, excluded.hours, excluded.first_at, excluded.last_at)
        RETURNING o.course_id, o.user_id, o.day
    ),
    changed AS (
        SELECT * FROM written UNION ALL SELECT * FROM emptied
    ),
    queued AS (
        INSERT INTO recalculations (kind, course_id, day)
        SELECT DISTINCT 'analytics'::recalculation_kind, c.course_id, c.day FROM changed AS c
    )
    SELECT count(*), array_agg(c.course_id), array_agg(c.user_id) INTO days, courses, learners
    FROM changed AS c;
    UPDATE enrollments AS e SET last_accessed_at = x.last_at
    FROM (
        SELECT e.id, greatest(
            (
                SELECT max(d.last_at) FROM learner_course_daily AS d
                WHERE d.course_id = e.course_id AND d.user_id = e.user_id
            ),
            (
                SELECT max(p.last_accessed_at) FROM section_progress AS p
                WHERE p.enrollment_id = e.id AND p.completion_status <> 'not_started'
            )
        ) AS last_at
        FROM (SELECT DISTINCT * FROM unnest(courses, learners) AS c (course_id, user_id)) AS c
        INNER JOIN enrollments AS e ON c.course_id = e.course_id AND c.user_id = e.user_id
        ORDER BY e.id
    ) AS x
    WHERE e.id = x.id AND e.last_accessed_at IS DISTINCT FROM x.last_at;
END
$$
