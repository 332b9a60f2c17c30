-- The score of attempts that are handed in: what their responses come to, as regraded. An attempt
-- with an answer that nobody has scored stays submitted. Responses are not touched by a regrade.
CREATE FUNCTION score_attempts(attempts UUID[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
    written INTEGER;
BEGIN
    UPDATE assessment_attempts AS t SET
        score = x.score,
        status = CASE WHEN x.is_complete THEN 'graded' ELSE t.status END,
        graded_at = CASE WHEN x.is_complete THEN coalesce(t.graded_at, now()) ELSE t.graded_at END
    FROM (
        SELECT
            r.attempt_id,
            greatest(sum(CASE WHEN i.regrade ->> 'full_credit' = 'true' THEN i.points
                ELSE coalesce(r.score, 0) END), 0) AS score,
            bool_and(r.score IS NOT NULL OR r.response IS NULL
                OR i.regrade ->> 'full_credit' = 'true') AS is_complete
        FROM item_responses AS r INNER JOIN assessment_items AS i ON r.assessment_item_id = i.id
        WHERE r.attempt_id = ANY (attempts)
        GROUP BY r.attempt_id
    ) AS x
    WHERE t.id = x.attempt_id AND t.status IN ('submitted', 'graded')
        AND (t.score IS DISTINCT FROM x.score OR (x.is_complete AND t.status = 'submitted'));
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END
$$
