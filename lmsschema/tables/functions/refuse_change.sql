-- For rows that never change.
CREATE FUNCTION refuse_change() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = concat(lower(TG_OP), ' of ', TG_TABLE_NAME, ' is refused: its rows do not change'),
        ERRCODE = 'restrict_violation', CONSTRAINT = 'refuse_change';
END
$$
