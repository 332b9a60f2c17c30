-- Answers end with the attempt. FOR SHARE: the hand-in and the last autosave can't cross.
CREATE FUNCTION guard_response() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    found_status TEXT;
BEGIN
    SELECT t.status::text INTO found_status
    FROM assessment_attempts AS t WHERE t.id = new.attempt_id FOR SHARE;
    IF found_status <> 'in_progress' THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('attempt ', new.attempt_id, ' is ', found_status,
                ': its answers no longer change'),
            ERRCODE = 'check_violation', CONSTRAINT = 'guard_response';
    END IF;
    RETURN new;
END
$$
