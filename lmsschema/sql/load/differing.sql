-- Rows of the batch that are not what the event of the same id says, which is in {table}. Who is
-- NULL was not known to one of the loads; what a lesson was may have been deleted since.
SELECT s.number
FROM load_stage AS s
CROSS JOIN LATERAL (
    SELECT *
    FROM {table} AS e
    WHERE e.id = s.id AND e.event_timestamp = s.matched
    LIMIT 1
) AS e
WHERE
    (
        s.event_timestamp, s.event_type, s.event_action, s.learning_context - 'actor', s.event_data,
        s.session_id
    ) IS DISTINCT FROM (
        e.event_timestamp, e.event_type, e.event_action, e.learning_context - 'actor', e.event_data,
        e.session_id
    )
    OR s.user_id <> e.user_id
    OR s.course_id <> e.course_id
