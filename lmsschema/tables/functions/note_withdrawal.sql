-- When a learner left. A row that was withdrawn before this was noted gets the time of its last change.
CREATE FUNCTION note_withdrawal() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF new.enrollment_status <> 'withdrawn' THEN
        new.withdrawn_at := NULL;
    ELSIF new.withdrawn_at IS NULL AND TG_OP = 'UPDATE' AND old.enrollment_status = 'withdrawn' THEN
        new.withdrawn_at := coalesce(old.withdrawn_at, old.updated_at);
    ELSE
        new.withdrawn_at := coalesce(new.withdrawn_at, now());
    END IF;
    RETURN new;
END
$$
