-- Make lessons after those that their courses have (%(ids)s, %(titles)s, %(parents)s).
INSERT INTO lessons (id, course_id, title, order_index)
SELECT
    n.id,
    n.course_id,
    n.title,
    coalesce((SELECT max(l.order_index) FROM lessons AS l WHERE l.course_id = n.course_id), 0)
    + row_number() OVER (PARTITION BY n.course_id ORDER BY n.id)
FROM unnest(%(ids)s::uuid [], %(titles)s::text [], %(parents)s::uuid [])
    AS n (id, title, course_id)
WHERE NOT EXISTS (SELECT FROM lessons AS l WHERE l.id = n.id)
