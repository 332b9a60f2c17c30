-- Make sections after those that their lessons have (%(ids)s, %(titles)s, %(parents)s, %(interactions)s).
INSERT INTO sections (
    id, lesson_id, title, content, section_type, interaction_type, order_index
)
SELECT
    n.id,
    n.lesson_id,
    n.title,
    '',
    CASE n.interaction
        WHEN 'quiz' THEN 'assessment'
        WHEN 'discussion' THEN 'activity'
        ELSE 'content'
    END::section_type,
    n.interaction::section_interaction,
    coalesce((SELECT max(s.order_index) FROM sections AS s WHERE s.lesson_id = n.lesson_id), 0)
    + row_number() OVER (PARTITION BY n.lesson_id ORDER BY n.id)
FROM unnest(
    %(ids)s::uuid [], %(titles)s::text [], %(parents)s::uuid [], %(interactions)s::text []
) AS n (id, title, lesson_id, interaction)
WHERE NOT EXISTS (SELECT FROM sections AS s WHERE s.id = n.id)
