-- Each change has a version of its own: who writes with the version that was read notices another's.
CREATE FUNCTION next_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    new.version := old.version + 1;
    RETURN new;
END
$$
