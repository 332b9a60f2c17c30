-- Write who teaches the courses of which the roster says it: who is primary, then who is already. All of
-- them are in content_structure.
WITH said AS (
    SELECT DISTINCT ON (course_id, user_id)
        course_id,
        user_id::text AS user_id,
        (data ->> 'active')::boolean AS active,
        (data ->> 'primary')::boolean AS is_primary,
        data ->> 'system' AS system,
        (data ->> 'whole')::boolean AS whole
    FROM roster_stage
    WHERE kind = 'staff' AND reason IS NULL
    ORDER BY
        course_id, user_id, (data ->> 'active')::boolean DESC, (data ->> 'primary')::boolean DESC
),

changed AS (
    SELECT
        c.id,
        c.instructor_id,
        n.system,
        CASE
            WHEN n.whole THEN '{}'
            ELSE coalesce(c.content_structure -> n.system -> 'staff', '{}') - n.gone
        END || n.teach AS staff
    FROM (
        SELECT
            course_id,
            min(system) AS system,
            bool_and(whole) AS whole,
            coalesce(array_agg(user_id) FILTER (WHERE NOT active), '{}') AS gone,
            coalesce(
                jsonb_object_agg(
                    user_id, CASE WHEN is_primary THEN 'primary' ELSE 'further' END
                ) FILTER (WHERE active),
                '{}'
            ) AS teach
        FROM said
        GROUP BY course_id
    ) AS n
    INNER JOIN courses AS c ON n.course_id = c.id
),

chosen AS (
    SELECT
        h.id,
        h.system,
        h.staff,
        (
            SELECT t.key::uuid
            FROM jsonb_each_text(h.staff) AS t
            INNER JOIN users AS u ON t.key::uuid = u.id
            ORDER BY t.value = 'primary' DESC, t.key::uuid = h.instructor_id DESC NULLS LAST, t.key
            LIMIT 1
        ) AS instructor_id
    FROM changed AS h
)

UPDATE courses AS c
SET
    instructor_id = h.instructor_id,
    content_structure = c.content_structure
    || jsonb_build_object(
        h.system,
        coalesce(c.content_structure -> h.system, '{}') || jsonb_build_object('staff', h.staff)
    )
FROM chosen AS h
WHERE
    c.id = h.id
    AND (c.instructor_id, c.content_structure -> h.system -> 'staff')
    IS DISTINCT FROM (h.instructor_id, h.staff)
