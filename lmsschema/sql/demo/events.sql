-- The events of the sessions that begin in a span of time, in their order, and those sessions.
-- Parameters: since, until.
WITH event AS MATERIALIZED (
    SELECT * FROM demo_event AS e
    WHERE e.at >= %(since)s AND e.at < %(until)s
),

a_session AS (
    INSERT INTO learning_sessions (
        id, user_id, course_id, session_start, session_end, total_duration, active_duration, lessons_accessed,
        sections_completed, interactions_count, engagement_score, learning_velocity, device_type, browser_type,
        session_outcome, created_at
    )
    SELECT
        e.session_id,
        e.user_id,
        e.course_id,
        e.begun,
        e.ended,
        e.seconds,
        e.seconds * 4 / 5,
        e.lessons,
        e.completed,
        e.interactions,
        pg_catalog.round(least(e.interactions, 100) / 100.0, 2),
        CASE WHEN e.seconds > 0 THEN least(999, pg_catalog.round(60.0 * e.completed / e.seconds, 2)) ELSE 0 END,
        CASE WHEN e.device < 35 THEN 'mobile' ELSE 'desktop' END,
        CASE WHEN e.device < 60 THEN 'Chrome' ELSE 'Firefox' END,
        (
            CASE WHEN e.interactions < 4 THEN 'abandoned' WHEN mod(e.s, 5) = 0 THEN 'interrupted' ELSE 'completed' END
        )::session_outcome,
        e.begun
    FROM (
        SELECT
            e.s,
            e.session_id,
            e.user_id,
            e.course_id,
            e.device,
            pg_catalog.min(e.ts) AS begun,
            pg_catalog.max(e.ts) AS ended,
            pg_catalog.floor(extract(EPOCH FROM pg_catalog.max(e.ts) - pg_catalog.min(e.ts)))::integer AS seconds,
            pg_catalog.count(DISTINCT e.x / 8) AS lessons,
            pg_catalog.count(DISTINCT e.x) FILTER (WHERE e.kind = 6) AS completed,
            pg_catalog.count(*) AS interactions
        FROM event AS e
        GROUP BY e.s, e.session_id, e.user_id, e.course_id, e.device
    ) AS e
    ORDER BY e.begun, e.s
)

INSERT INTO learning_events (
    id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action, learning_context,
    event_data, session_id, device_info, browser_info, event_timestamp, server_timestamp, created_at
)
SELECT
    pg_temp.key(8, e.i),
    e.user_id,
    e.course_id,
    pg_temp.key(5, e.c * 10 + e.x / 8),
    pg_temp.key(6, e.c * 80 + e.x),
    t.types[e.kind],
    t.categories[e.kind]::event_category,
    'https://demo.example/verbs/' || t.types[e.kind],
    pg_catalog.jsonb_build_object('course', 'C' || e.c, 'term', e.term),
    CASE t.categories[e.kind]
        WHEN 'interaction' THEN pg_catalog.jsonb_build_object('time', mod(e.chance, 900), 'length', 900, 'speed', 1)
        WHEN 'assessment' THEN pg_catalog.jsonb_build_object(
            'score', pg_catalog.jsonb_build_object('raw', mod(e.chance, 11), 'max', 10),
            'attempt', 1 + mod(e.chance / 11, 3),
            'success', mod(e.chance, 11) > 5
        )
        ELSE pg_catalog.jsonb_build_object('path', '/courses/' || e.c || '/sections/' || e.x)
    END,
    e.session_id,
    CASE WHEN e.device < 35 THEN '{"type": "mobile"}' ELSE '{"type": "desktop"}' END::jsonb,
    CASE WHEN e.device < 60 THEN '{"name": "Chrome"}' ELSE '{"name": "Firefox"}' END::jsonb,
    e.ts,
    e.ts + interval '1 second',
    e.ts + interval '1 second'
FROM (
    SELECT
        e.*,
        pg_temp.draw(31, e.i) AS chance
    FROM event AS e
) AS e
CROSS JOIN (
    SELECT
        ARRAY[
            'page_viewed', 'video_played', 'video_paused', 'video_seeked', 'problem_submitted', 'section_completed',
            'resource_downloaded', 'forum_posted', 'forum_viewed'
        ] AS types,
        ARRAY[
            'navigation', 'interaction', 'interaction', 'interaction', 'assessment', 'progress', 'interaction',
            'social', 'social'
        ] AS categories
) AS t
ORDER BY e.ts, e.i
