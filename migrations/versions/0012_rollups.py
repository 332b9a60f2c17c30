"""Rollups: what learners did each day, sessions and progress, computed by functions.

Revision ID: 0012_rollups
Revises: 0011_pipeline
"""

from alembic import op

revision = "0012_rollups"
down_revision = "0011_pipeline"
branch_labels = None
depends_on = None

UPGRADE = (
    # learner_course_daily
    """\
CREATE TABLE learner_course_daily (
    course_id UUID NOT NULL,
    user_id UUID NOT NULL,
    day DATE NOT NULL,
    events INTEGER NOT NULL,
    interactions INTEGER NOT NULL,
    active_seconds INTEGER NOT NULL,
    sections_completed INTEGER NOT NULL,
    hours INTEGER[] NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT learner_course_daily_pkey PRIMARY KEY (course_id, user_id, day),
    CONSTRAINT learner_course_daily_course_id_fkey FOREIGN KEY (course_id) REFERENCES courses (id) ON DELETE CASCADE,
    CONSTRAINT learner_course_daily_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT learner_course_daily_events_positive_check CHECK (events > 0),
    CONSTRAINT learner_course_daily_interactions_not_negative_check CHECK (interactions >= 0),
    CONSTRAINT learner_course_daily_active_seconds_within_a_day_check CHECK (active_seconds BETWEEN 0 AND 90600),
    CONSTRAINT learner_course_daily_sections_completed_not_negative_check CHECK (sections_completed >= 0),
    CONSTRAINT learner_course_daily_hours_of_a_day_check CHECK (cardinality(hours) = 24),
    CONSTRAINT learner_course_daily_last_at_not_before_first_at_check CHECK (last_at >= first_at),
    CONSTRAINT learner_course_daily_finite_values_check CHECK (isfinite(day) AND isfinite(first_at) AND isfinite(last_at))
)""",
    "CREATE INDEX idx_learner_course_daily_course_day ON learner_course_daily (course_id, day)",
    "CREATE INDEX idx_learner_course_daily_user_day ON learner_course_daily (user_id, day)",
    "COMMENT ON TABLE learner_course_daily IS 'What a learner did in a course on a day, computed from events; it outlives them'",
    "COMMENT ON COLUMN learner_course_daily.day IS 'On the clock of the learner''s institution'",
    "COMMENT ON COLUMN learner_course_daily.interactions IS 'Of category interaction, assessment or social'",
    "COMMENT ON COLUMN learner_course_daily.active_seconds IS 'Sum of the pauses of at most ten minutes after events of the day'",
    "COMMENT ON COLUMN learner_course_daily.hours IS 'Events by hour, from 0; NULL for none'",
    # rollup_state
    """\
CREATE TABLE rollup_state (
    name VARCHAR(50) NOT NULL,
    watermark TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    CONSTRAINT rollup_state_pkey PRIMARY KEY (name),
    CONSTRAINT rollup_state_finite_values_check CHECK (isfinite(watermark) AND isfinite(updated_at))
)""",
    """\
CREATE TRIGGER set_updated_at
BEFORE UPDATE ON rollup_state
FOR EACH ROW
WHEN (old.* IS DISTINCT FROM new.*)
EXECUTE FUNCTION set_updated_at()""",
    "COMMENT ON TABLE rollup_state IS 'How far the rollups are'",
    "COMMENT ON COLUMN rollup_state.watermark IS 'What came until then has been taken up'",
    # functions
    """\
CREATE FUNCTION events_kept_from() RETURNS TIMESTAMP WITH TIME ZONE LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        min(coalesce(
            substring(b.bounds FROM 'FROM [(]''([^'']+)''[)]')::timestamp with time zone, '-infinity'
        )),
        '-infinity'
    )
    FROM pg_catalog.pg_inherits AS i
    INNER JOIN pg_catalog.pg_class AS c ON i.inhrelid = c.oid AND NOT i.inhdetachpending
    CROSS JOIN LATERAL (
        SELECT pg_catalog.pg_get_expr(c.relpartbound, 0) AS bounds
    ) AS b
    WHERE i.inhparent = 'learning_events'::regclass AND b.bounds <> 'DEFAULT'
$$""",
    """\
CREATE FUNCTION queue_progress() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'enrollments' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT 'progress', r.course_id, r.id FROM new_rows AS r;
    ELSIF TG_TABLE_NAME = 'lessons' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, r.course_id FROM old_rows AS r;
    ELSIF TG_TABLE_NAME = 'section_progress' AND TG_OP = 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT DISTINCT 'progress'::recalculation_kind, e.course_id, e.id
        FROM old_rows AS r INNER JOIN enrollments AS e ON r.enrollment_id = e.id;
    ELSIF TG_TABLE_NAME = 'section_progress' THEN
        INSERT INTO recalculations (kind, course_id, enrollment_id)
        SELECT DISTINCT 'progress'::recalculation_kind, e.course_id, e.id
        FROM new_rows AS r INNER JOIN enrollments AS e ON r.enrollment_id = e.id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM new_rows AS r INNER JOIN lessons AS l ON r.lesson_id = l.id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM old_rows AS r INNER JOIN lessons AS l ON r.lesson_id = l.id;
    ELSE
        INSERT INTO recalculations (kind, course_id)
        SELECT DISTINCT 'progress'::recalculation_kind, l.course_id
        FROM old_rows AS o
        INNER JOIN new_rows AS n ON o.id = n.id AND o.lesson_id <> n.lesson_id
        INNER JOIN lessons AS l ON l.id IN (o.lesson_id, n.lesson_id);
    END IF;
    RETURN NULL;
END
$$""",
    """\
CREATE FUNCTION recalculate_progress(batch INTEGER DEFAULT 5000)
RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    course UUID;
    taken RECORD;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema progress in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    SELECT r.course_id INTO course FROM recalculations AS r
    WHERE r.kind = 'progress' AND r.queued_at <= now() ORDER BY r.queued_at LIMIT 1;
    WITH gone AS (
        DELETE FROM recalculations AS q WHERE q.id IN (
            SELECT r.id FROM recalculations AS r
            WHERE r.course_id = course AND r.kind = 'progress' AND r.queued_at <= now()
            LIMIT batch FOR UPDATE SKIP LOCKED
        ) RETURNING q.enrollment_id
    )
    SELECT count(*)::integer AS entries, CASE WHEN bool_and(g.enrollment_id IS NOT NULL)
        THEN array_agg(DISTINCT g.enrollment_id) END AS enrollments
    INTO taken FROM gone AS g;
    IF taken.entries > 0 AND refresh_progress(course, taken.enrollments) > 0 THEN
        INSERT INTO recalculations (kind, course_id, day)
        SELECT 'analytics', c.id, (now() AT TIME ZONE time_zone_or_utc(i.timezone))::date
        FROM courses AS c INNER JOIN institutions AS i ON c.institution_id = i.id
        WHERE c.id = course;
    END IF;
    RETURN taken.entries;
END
$$""",
    """\
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
$$""",
    """\
CREATE FUNCTION reset_rollups() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
    kept_from CONSTANT TIMESTAMP WITH TIME ZONE := events_kept_from();
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema rollup in ', current_schema()), 0)
    ) THEN
        RETURN false;
    END IF;
    DELETE FROM rollup_state AS s WHERE s.name = 'events';
    DELETE FROM learner_course_daily AS d
    USING users AS u, (
        SELECT i.id, time_zone_or_utc(i.timezone) AS zone FROM institutions AS i
    ) AS z
    WHERE d.user_id = u.id AND u.institution_id = z.id
        AND d.day::timestamp AT TIME ZONE z.zone >= kept_from
        AND NOT EXISTS (
            SELECT FROM learning_events AS e
            WHERE e.user_id = d.user_id AND e.course_id = d.course_id
                AND e.event_timestamp >= d.day::timestamp AT TIME ZONE z.zone
                AND e.event_timestamp < (d.day + 1)::timestamp AT TIME ZONE z.zone
        );
    INSERT INTO recalculations (kind, course_id)
    SELECT k.kind, c.id FROM courses AS c
    CROSS JOIN unnest(enum_range(NULL::recalculation_kind)) AS k (kind)
    WHERE k.kind <> 'grades' OR EXISTS (SELECT FROM assessments AS a WHERE a.course_id = c.id);
    RETURN true;
END
$$""",
    """\
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
$$""",
    """\
CREATE FUNCTION rollup_horizon(lag INTERVAL) RETURNS TIMESTAMP WITH TIME ZONE
LANGUAGE sql VOLATILE AS $$
    SELECT least(clock_timestamp() - lag, min(a.xact_start) - INTERVAL '1 microsecond')
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND a.backend_type <> 'autovacuum worker'
        AND (a.backend_xid IS NOT NULL OR a.xact_start > clock_timestamp() - INTERVAL '1 hour')
$$""",
    """\
CREATE FUNCTION rollup_step(
    lag INTERVAL DEFAULT '1 minute', span INTERVAL DEFAULT '1 hour',
    again_from TIMESTAMP WITH TIME ZONE DEFAULT NULL,
    again_to TIMESTAMP WITH TIME ZONE DEFAULT NULL,
    OUT until TIMESTAMP WITH TIME ZONE, OUT is_behind BOOLEAN, OUT sessions INTEGER, OUT days INTEGER
) LANGUAGE plpgsql AS $$
DECLARE
    since TIMESTAMP WITH TIME ZONE := again_from;
    horizon TIMESTAMP WITH TIME ZONE := least(rollup_horizon(lag), again_to);
    came BOOLEAN;
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema rollup in ', current_schema()), 0)
    ) THEN
        RETURN;
    END IF;
    IF again_from IS NULL THEN
        SELECT s.watermark INTO since FROM rollup_state AS s WHERE s.name = 'events';
    END IF;
    IF since IS NULL OR NOT isfinite(since) THEN
        SELECT least(min(x.at) - INTERVAL '1 microsecond', horizon) INTO since
        FROM (
            SELECT min(e.server_timestamp) AS at FROM learning_events AS e
            UNION ALL SELECT min(v.voided_at) FROM voided_events AS v
        ) AS x;
    END IF;
    until := greatest(since, least(horizon, since + span));
    came := EXISTS (
        SELECT FROM learning_events AS e
        WHERE e.server_timestamp > since AND e.server_timestamp <= until
    ) OR EXISTS (
        SELECT FROM voided_events AS v WHERE v.voided_at > since AND v.voided_at <= until
    );
    IF NOT came AND until < horizon THEN -- a span in which nothing came is leapt over
        SELECT min(x.at) - INTERVAL '1 microsecond' INTO since FROM (
            SELECT min(e.server_timestamp) AS at FROM learning_events AS e
            WHERE e.server_timestamp > until AND e.server_timestamp <= horizon
            UNION ALL
            SELECT min(v.voided_at) FROM voided_events AS v
            WHERE v.voided_at > until AND v.voided_at <= horizon
        ) AS x;
        came := since IS NOT NULL;
        until := least(horizon, since + span);
    END IF;
    IF came THEN
        SELECT r.sessions, r.days INTO sessions, days FROM rollup_events(since, until) AS r;
    END IF;
    is_behind := until < horizon;
    IF again_from IS NULL THEN
        INSERT INTO rollup_state AS s (name, watermark) VALUES ('events', until)
        ON CONFLICT (name) DO UPDATE SET watermark = excluded.watermark;
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
        WHERE n.nspname = current_schema() AND p.proname IN ('events_kept_from', 'queue_progress', 'recalculate_progress', 'refresh_progress', 'reset_rollups', 'rollup_events', 'rollup_step')
    LOOP
        EXECUTE concat(
            'ALTER FUNCTION ', routine, ' SET search_path TO ',
            quote_ident(current_schema()), ', pg_temp'
        );
    END LOOP;
END
$$""",
    # triggers of the guide's tables
    """\
CREATE TRIGGER queue_progress_insert
AFTER INSERT ON section_progress
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_update
AFTER UPDATE ON section_progress
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_delete
AFTER DELETE ON section_progress
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_insert
AFTER INSERT ON sections
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_update
AFTER UPDATE ON sections
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_delete
AFTER DELETE ON sections
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_delete
AFTER DELETE ON lessons
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
    """\
CREATE TRIGGER queue_progress_insert
AFTER INSERT ON enrollments
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT
EXECUTE FUNCTION queue_progress()""",
)

DOWNGRADE = (
    "DROP TRIGGER queue_progress_insert ON enrollments",
    "DROP TRIGGER queue_progress_delete ON lessons",
    "DROP TRIGGER queue_progress_delete ON sections",
    "DROP TRIGGER queue_progress_update ON sections",
    "DROP TRIGGER queue_progress_insert ON sections",
    "DROP TRIGGER queue_progress_delete ON section_progress",
    "DROP TRIGGER queue_progress_update ON section_progress",
    "DROP TRIGGER queue_progress_insert ON section_progress",
    "DROP FUNCTION rollup_step",
    "DROP FUNCTION rollup_horizon",
    "DROP FUNCTION rollup_events",
    "DROP FUNCTION reset_rollups",
    "DROP FUNCTION refresh_progress",
    "DROP FUNCTION recalculate_progress",
    "DROP FUNCTION queue_progress",
    "DROP FUNCTION events_kept_from",
    "DROP TABLE rollup_state",
    "DROP TABLE learner_course_daily",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
