-- Keep the rows of the batch that are void apart (%(numbers)s); returns how many there were.
WITH moved AS (
    DELETE FROM load_stage
    WHERE number = ANY(%(numbers)s::int [])
    RETURNING
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp
),

kept AS (
    INSERT INTO voided_events (
        id, user_id, course_id, lesson_id, section_id, event_type, event_category, event_action,
        learning_context, event_data, session_id, event_timestamp
    )
    SELECT * FROM moved
    ON CONFLICT DO NOTHING
    RETURNING 1
)

SELECT count(*) FROM kept
