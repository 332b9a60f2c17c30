-- A final judgement is what its attempt comes to; provisional ones are not.
CREATE FUNCTION apply_final_grading() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE assessment_attempts AS t SET score = new.score, status = 'graded', graded_at = now()
    WHERE t.id = new.attempt_id AND t.status IN ('submitted', 'graded')
        AND (t.score IS DISTINCT FROM new.score OR t.status = 'submitted');
    RETURN NULL;
END
$$
