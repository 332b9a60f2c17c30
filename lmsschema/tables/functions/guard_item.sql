-- The items of a published form stay; only how they are regraded may be said later.
CREATE FUNCTION guard_item() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    item assessment_items := CASE TG_OP WHEN 'DELETE' THEN old ELSE new END;
BEGIN
    PERFORM FROM assessment_versions AS v
    WHERE v.id = item.assessment_version_id AND v.published_at IS NOT NULL FOR SHARE;
    IF FOUND THEN
        RAISE EXCEPTION USING
            MESSAGE = concat('version ', item.assessment_version_id,
                ' is published: its items do not change'),
            ERRCODE = 'restrict_violation', CONSTRAINT = 'guard_item';
    END IF;
    RETURN item;
END
$$
