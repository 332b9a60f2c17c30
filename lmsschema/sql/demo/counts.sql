-- How much synthetic data there is once all is made.
SELECT
    (SELECT pg_catalog.count(*) FROM demo_institution) AS institutions,
    (SELECT pg_catalog.sum(i.learners + i.instructors) FROM demo_institution AS i)::bigint AS users,
    (SELECT pg_catalog.count(*) FROM demo_course) AS courses,
    (SELECT pg_catalog.count(*) FROM demo_enrollment) AS enrollments,
    (SELECT pg_catalog.count(*) FROM demo_session) AS learning_sessions,
    (SELECT pg_catalog.sum(s.n) FROM demo_session AS s)::bigint AS learning_events
