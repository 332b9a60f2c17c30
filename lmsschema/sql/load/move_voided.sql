-- Move events that are void out of learning_events (%(institution)s, %(targets)s); of events that
-- are of an institution only its own. Returns how many there were. The rollup finds them by voided_at.
WITH gone AS (
    DELETE FROM learning_events AS e
    WHERE
        e.id = ANY(%(targets)s::uuid [])
        AND NOT EXISTS (
            SELECT FROM users AS u WHERE u.id = e.user_id AND u.institution_id <> %(institution)s
        )
        AND NOT EXISTS (
            SELECT FROM courses AS c WHERE c.id = e.course_id AND c.institution_id <> %(institution)s
        )
    RETURNING *
),

kept AS (
    INSERT INTO voided_events (
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, device_info, browser_info, event_timestamp,
        server_timestamp, learning_value, engagement_score, created_at
    )
    SELECT
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, device_info, browser_info, event_timestamp,
        server_timestamp, learning_value, engagement_score, created_at
    FROM gone
    ON CONFLICT DO NOTHING
)

SELECT count(*) FROM gone
