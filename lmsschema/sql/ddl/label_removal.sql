DO $removal$
DECLARE
    in_the_way TEXT;
    to_do TEXT;
BEGIN
    IF NOT EXISTS (
        SELECT FROM (
            %(labels)s
        ) AS l
        WHERE l.label = %(label)s
    ) THEN
        RETURN;
    END IF;

    SELECT string_agg(w.what, '; ') INTO in_the_way
    FROM (
        SELECT d.what
        FROM (
            %(dependents)s
        ) AS d
        UNION ALL
        SELECT concat('index ', i.index_name)
        FROM (
            %(indexes)s
        ) AS i
        WHERE NOT i.plain
    ) AS w;
    IF in_the_way IS NOT NULL THEN
        RAISE EXCEPTION 'the label is not removed, as these would be lost: %', in_the_way
        USING ERRCODE = 'dependent_objects_still_exist';
    END IF;

    FOREACH to_do IN ARRAY array(
        SELECT s.statement
        FROM (
            %(script)s
        ) AS s
        ORDER BY s.number, s.statement
    ) LOOP
        EXECUTE to_do;
    END LOOP;

    FOREACH to_do IN ARRAY array(
        SELECT s.statement
        FROM (
            %(swap)s
        ) AS s
        ORDER BY s.number, s.statement
    ) LOOP
        EXECUTE to_do;
    END LOOP;
END
$removal$
