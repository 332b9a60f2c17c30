-- Insert the new rows of the batch; returns how many there were.
WITH inserted AS (
    INSERT INTO learning_events (
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp
    )
    SELECT
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp
    FROM load_stage
    WHERE matched IS NULL
    ORDER BY event_timestamp, id
    ON CONFLICT DO NOTHING
    RETURNING 1
)

SELECT count(*) FROM inserted
