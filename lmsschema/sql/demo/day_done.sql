-- Whether the sessions that begin in a span of time are there, and so their events: one transaction inserts both.
-- Parameters: since, until.
SELECT EXISTS (
    SELECT FROM learning_sessions AS l
    WHERE l.id = (
        SELECT s.session_id FROM demo_session AS s
        WHERE s.at >= %(since)s AND s.at < %(until)s
        ORDER BY s.s
        LIMIT 1
    )
)
