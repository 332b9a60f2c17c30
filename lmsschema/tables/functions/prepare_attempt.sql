-- An attempt gets the next number, and is refused outside of what its learner is allowed.
CREATE FUNCTION prepare_attempt() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    allowed RECORD;
    standing TEXT;
BEGIN
    SELECT a.course_id, a.max_score, a.opens_at, a.closes_at, a.attempts_allowed,
        a.time_limit_minutes::numeric AS time_limit_minutes,
        a.published_at IS NOT NULL AND NOT a.only_overrides AS is_assigned,
        EXISTS (SELECT FROM assessment_overrides AS o WHERE o.assessment_id = a.id) AS is_varied
    INTO allowed
    FROM assessments AS a WHERE a.id = new.assessment_id;
    new.course_id := allowed.course_id;
    new.max_score := allowed.max_score;
    SELECT e.enrollment_status::text INTO standing FROM enrollments AS e
    WHERE e.id = new.enrollment_id AND e.course_id = new.course_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('enrollment ', new.enrollment_id, ' is not one of the course of assessment ',
                new.assessment_id),
            ERRCODE = 'foreign_key_violation';
    END IF;
    IF allowed.is_varied THEN
        SELECT v.* INTO allowed FROM effective_assessments(
            new.course_id, ARRAY[new.enrollment_id], new.assessment_id
        ) AS v;
    END IF;
    new.attempt_number := coalesce(new.attempt_number, (
        SELECT coalesce(max(t.attempt_number), 0) + 1 FROM assessment_attempts AS t
        WHERE t.enrollment_id = new.enrollment_id AND t.assessment_id = new.assessment_id
    ));
    IF NOT allowed.is_assigned OR standing IN ('withdrawn', 'suspended')
        OR new.attempt_number > allowed.attempts_allowed
        OR new.started_at < allowed.opens_at OR new.started_at >= allowed.closes_at THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('attempt ', new.attempt_number, ' at assessment ', new.assessment_id,
                ' is not allowed'),
            DETAIL = concat('enrollment ', standing, ', assigned: ', allowed.is_assigned,
                ', attempts: ', coalesce(allowed.attempts_allowed::text, 'any'),
                ', from ', coalesce(allowed.opens_at::text, 'any time'),
                ' to ', coalesce(allowed.closes_at::text, 'any time')),
            ERRCODE = 'check_violation', CONSTRAINT = 'prepare_attempt';
    END IF;
    IF new.assessment_version_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM assessment_versions AS v
        WHERE v.id = new.assessment_version_id AND v.published_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('version ', new.assessment_version_id, ' is not published'),
            ERRCODE = 'check_violation', CONSTRAINT = 'prepare_attempt';
    END IF;
    IF new.expires_at IS NULL THEN
        new.expires_at := least(
            new.started_at + allowed.time_limit_minutes::double precision * INTERVAL '1 minute',
            allowed.closes_at
        );
    END IF;
    RETURN new;
END
$$
