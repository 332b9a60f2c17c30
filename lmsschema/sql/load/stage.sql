-- A table for the rows of a batch, until the transaction ends; matched is the time of the event of
-- the same id that is there.
CREATE TEMPORARY TABLE load_stage ON COMMIT DROP AS
SELECT
    0 AS number,
    event_timestamp AS matched,
    id,
    user_id,
    course_id,
    lesson_id,
    section_id,
    event_type,
    event_category,
    event_action,
    learning_context,
    event_data,
    session_id,
    event_timestamp
FROM learning_events
WITH NO DATA
