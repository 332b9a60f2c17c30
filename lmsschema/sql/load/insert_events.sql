-- Insert the new rows of the batch; with %(sessions)s mark the sessions of users in which they are.
-- Returns how many there were.
WITH inserted AS (
    INSERT INTO learning_events (
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp, server_timestamp
    )
    SELECT
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp, server_timestamp
    FROM load_stage
    WHERE matched IS NULL
    ORDER BY event_timestamp, id
    ON CONFLICT DO NOTHING
    RETURNING session_id, event_timestamp, user_id
),

marked AS (
    INSERT INTO dirty_sessions (session_id, first_event, last_event)
    SELECT
        session_id,
        min(event_timestamp),
        max(event_timestamp)
    FROM inserted
    WHERE user_id IS NOT NULL AND %(sessions)s
    GROUP BY session_id
)

SELECT count(*) FROM inserted
