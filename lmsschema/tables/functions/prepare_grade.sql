-- A grade's copies of its assessment, when it is posted, and its version.
CREATE FUNCTION prepare_grade() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    a RECORD;
    is_graded BOOLEAN := new.status IN ('graded', 'partially_graded')
        OR new.override_score IS NOT NULL;
    was_graded BOOLEAN := false;
BEGIN
    SELECT * INTO a FROM assessments AS t WHERE t.id = new.assessment_id;
    IF TG_OP = 'INSERT' THEN
        new.course_id := coalesce(new.course_id, a.course_id);
        new.max_score := coalesce(new.max_score, a.max_score);
    ELSE
        was_graded := old.status IN ('graded', 'partially_graded')
            OR old.override_score IS NOT NULL;
    END IF;
    IF is_graded AND new.graded_at IS NULL THEN
        new.graded_at := now();
    END IF;
    IF a.is_anonymous AND coalesce(a.revealed_at > now(), true) THEN
        IF new.posted_at IS NOT NULL THEN
            RAISE EXCEPTION USING
                MESSAGE = concat('assessment ', new.assessment_id,
                    ' is graded anonymously: reveal it before its grades are posted'),
                ERRCODE = 'check_violation', CONSTRAINT = 'prepare_grade';
        END IF;
    ELSIF a.posts_automatically AND new.posted_at IS NULL AND is_graded AND NOT was_graded THEN
        new.posted_at := new.graded_at;
    END IF;
    IF TG_OP = 'UPDATE' AND (old.override_score, old.is_excused, old.feedback, old.posted_at)
        IS DISTINCT FROM (new.override_score, new.is_excused, new.feedback, new.posted_at) THEN
        new.version := old.version + 1;
    END IF;
    RETURN new;
END
$$
