-- Compute sessions that are marked from their events (%(limit)s: of so many marks at most); returns
-- the number of marks. One snapshot sees a mark, and all events for which it was made.
WITH picked AS (
    SELECT DISTINCT session_id
    FROM (SELECT session_id FROM dirty_sessions LIMIT %(limit)s) AS d
),

marks AS (
    DELETE FROM dirty_sessions AS d
    USING picked AS p
    WHERE d.session_id = p.session_id
    RETURNING d.session_id, d.first_event, d.last_event
),

spans AS (
    SELECT
        m.session_id,
        least(min(m.first_event), min(s.session_start)) AS first_event,
        greatest(max(m.last_event), max(s.session_end)) AS last_event
    FROM marks AS m
    LEFT JOIN learning_sessions AS s ON m.session_id = s.id
    GROUP BY m.session_id
),

-- LATERAL: the index of each session's months, whatever the planner thinks of the number of them
computed AS (
    SELECT
        s.session_id,
        c.*
    FROM spans AS s
    CROSS JOIN LATERAL (
        SELECT
            min(e.user_id::text)::uuid AS user_id,
            min(e.course_id::text)::uuid AS course_id,
            min(e.event_timestamp) AS session_start,
            max(e.event_timestamp) AS session_end,
            count(*) AS events,
            bool_or(e.event_type = 'terminated') AS is_complete
        FROM learning_events AS e
        WHERE
            e.session_id = s.session_id
            AND e.event_timestamp BETWEEN s.first_event AND s.last_event
            AND e.user_id IS NOT NULL
    ) AS c
),

emptied AS (
    DELETE FROM learning_sessions AS s
    USING computed AS c
    WHERE s.id = c.session_id AND c.events = 0
),

written AS (
    INSERT INTO learning_sessions AS s (
        id, user_id, course_id, session_start, session_end, total_duration, interactions_count,
        session_outcome
    )
    SELECT
        session_id,
        user_id,
        course_id,
        session_start,
        session_end,
        extract(EPOCH FROM session_end - session_start)::integer,
        events,
        CASE WHEN is_complete THEN 'completed' ELSE 'interrupted' END::session_outcome
    FROM computed
    WHERE events > 0
    ORDER BY session_id
    ON CONFLICT (id) DO UPDATE
    SET
        user_id = excluded.user_id,
        course_id = excluded.course_id,
        session_start = excluded.session_start,
        session_end = excluded.session_end,
        total_duration = greatest(excluded.total_duration, s.active_duration),
        interactions_count = excluded.interactions_count,
        session_outcome = excluded.session_outcome
)

SELECT count(*) FROM marks
