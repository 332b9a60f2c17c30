-- Whether the enrollments of a range are there, and so their progress: one transaction inserts both.
-- Parameters: first.
SELECT EXISTS (SELECT FROM enrollments AS e WHERE e.id = pg_temp.key(9, %(first)s))
