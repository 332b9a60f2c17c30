-- One batch of refresh_learner_analytics, of the learners after this one. Returns the last of the
-- batch, NULL at the end, or if another run is under way; once a night, a transaction each.
CREATE FUNCTION recalculate_learners(after UUID DEFAULT NULL, batch INTEGER DEFAULT 5000)
RETURNS UUID LANGUAGE plpgsql AS $$
DECLARE
    learners UUID[];
BEGIN
    IF NOT pg_try_advisory_xact_lock(
        hashtextextended(concat('lmsschema learners in ', current_schema()), 0)
    ) THEN
        RETURN NULL;
    END IF;
    learners := ARRAY(
        SELECT DISTINCT e.user_id FROM enrollments AS e
        WHERE after IS NULL OR e.user_id > after
        ORDER BY e.user_id LIMIT batch
    );
    PERFORM refresh_learner_analytics(learners);
    RETURN learners[cardinality(learners)];
END
$$
