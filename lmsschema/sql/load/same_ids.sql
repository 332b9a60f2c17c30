-- The events of some ids that are there, void ones too (%(ids)s, %(first)s, %(last)s: between these times).
SELECT
    id,
    event_timestamp,
    false AS is_void
FROM learning_events
WHERE id = ANY(%(ids)s::uuid []) AND event_timestamp BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT
    id,
    event_timestamp,
    true AS is_void
FROM voided_events
WHERE id = ANY(%(ids)s::uuid []) AND event_timestamp BETWEEN %(first)s AND %(last)s
