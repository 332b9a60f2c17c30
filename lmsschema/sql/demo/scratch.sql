-- Who learns what, and when: temporary tables from which all rows are made. Every worker has its own, so that
-- nothing is left in the schema, however a run ends.
-- Parameters: shape, events, sessions, until.
CREATE TEMPORARY TABLE demo_institution AS
SELECT
    i.*,
    pg_temp.key(1, i.k) AS id,
    -- hours east of UTC; not the zone's own, whose rules are the server's
    (ARRAY[1, -5, 5])[1 + mod(i.k, 3)] AS offset_hours
FROM pg_catalog.jsonb_to_recordset(%(shape)s::jsonb -> 'institutions') AS i (
    k bigint, first_learner bigint, learners bigint, first_instructor bigint, instructors bigint,
    first_course bigint, courses bigint
);

CREATE TEMPORARY TABLE demo_term AS
SELECT *
FROM pg_catalog.jsonb_to_recordset(%(shape)s::jsonb -> 'terms') AS t (
    t bigint, name text, start timestamptz, finish timestamptz, weeks bigint, weeks_begun bigint, drawn_from bigint,
    drawn_below bigint
);

CREATE TEMPORARY TABLE demo_course AS
SELECT
    c.c,
    pg_temp.key(4, c.c) AS id,
    i.k,
    i.offset_hours,
    t.t,
    t.name AS term,
    t.start,
    t.finish,
    t.weeks,
    t.weeks_begun
FROM demo_institution AS i
CROSS JOIN pg_catalog.generate_series(i.first_course, i.first_course + i.courses - 1) AS c (c)
INNER JOIN demo_term AS t ON pg_temp.draw(9, c.c) >= t.drawn_from AND pg_temp.draw(9, c.c) < t.drawn_below;

ANALYZE demo_course;

CREATE TEMPORARY TABLE demo_enrollment AS
SELECT
    pg_catalog.row_number() OVER (ORDER BY d.u, d.c) AS e,
    d.u,
    pg_temp.key(2, d.u) AS user_id,
    d.c,
    c.id AS course_id
FROM (
    SELECT DISTINCT
        u.u,
        i.first_course + pg_temp.below(i.courses, pg_temp.skewed(pg_temp.draw(12, u.u * 16 + n.n))) AS c
    FROM demo_institution AS i
    CROSS JOIN pg_catalog.generate_series(i.first_learner, i.first_learner + i.learners - 1) AS u (u)
    CROSS JOIN pg_catalog.generate_series(
        0, pg_catalog.width_bucket(pg_temp.below(100, pg_temp.draw(11, u.u)), ARRAY[40, 68, 84, 93, 98]::bigint [])
    ) AS n (n)
) AS d
INNER JOIN demo_course AS c USING (c);

CREATE UNIQUE INDEX ON demo_enrollment (e);

ANALYZE demo_enrollment;

CREATE TEMPORARY TABLE demo_session AS
SELECT
    s.s,
    pg_temp.key(7, s.s) AS session_id,
    s.e,
    s.u,
    s.user_id,
    s.c,
    s.course_id,
    s.term,
    s.at,
    s.pace,
    s.place,
    s.slow,
    s.device,
    least(s.n, %(events)s - (s.total - s.n)) AS n
FROM (
    SELECT
        w.*,
        pg_catalog.sum(w.n) OVER (ORDER BY w.s)::bigint AS total
    FROM (
        SELECT
            v.*,
            v.start + interval '1 second' * (
                86400 * v.day
                + 3600 * (pg_catalog.width_bucket(
                    pg_temp.below(680, pg_temp.draw(28, v.s)),
                    -- the hours' weights, added up
                    ARRAY[
                        8, 12, 14, 16, 18, 21, 28, 44, 76, 116, 160, 200, 236, 276, 320, 360, 396, 432, 472, 520,
                        572, 620, 660
                    ]::bigint []
                ) - v.offset_hours)
                + pg_temp.below(3600, pg_temp.draw(24, v.s))
            ) AS at,
            greatest(0, least(79, 80 * v.day / (7 * v.weeks) + pg_temp.below(6, pg_temp.draw(25, v.s)) - 3)) AS place
        FROM (
            SELECT
                s.s,
                e.*,
                c.offset_hours,
                c.term,
                c.start,
                c.weeks,
                1 + pg_temp.below(96, pg_temp.skewed(pg_temp.draw(22, s.s))) AS n,
                15000 + pg_temp.below(45000, pg_temp.draw(27, s.s)) AS pace,
                4 + pg_temp.below(6, pg_temp.draw(26, s.s)) AS slow,
                pg_temp.below(100, pg_temp.draw(20, s.s)) AS device,
                7 * pg_temp.below(c.weeks_begun, pg_temp.draw(21, s.s))
                + pg_catalog.width_bucket(
                    pg_temp.below(70, pg_temp.draw(23, s.s)), ARRAY[12, 24, 35, 46, 54, 60]::bigint []
                ) AS day
            FROM pg_catalog.generate_series(1, %(sessions)s::bigint) AS s (s)
            CROSS JOIN (SELECT pg_catalog.count(*) AS n FROM demo_enrollment) AS every
            -- few of the enrollments have most of the sessions; a prime spreads them over the institutions
            INNER JOIN demo_enrollment AS e
                ON
                    e.e = 1 + mod(
                        2654435761 * pg_temp.below(
                            every.n, (pg_temp.draw(19, s.s) * pg_temp.draw(19, s.s)) >> 30
                        ),
                        every.n
                    )
            INNER JOIN demo_course AS c USING (c)
        ) AS v
    ) AS w
    WHERE w.at + interval '1 millisecond' * (w.n * w.pace) < %(until)s
) AS s
WHERE s.total - s.n < %(events)s;

CREATE INDEX ON demo_session (at);

CREATE INDEX ON demo_session (e);

ANALYZE demo_session;

-- every event, in the order of its number i: x is the place among the course's 80 sections
CREATE TEMPORARY VIEW demo_event AS
SELECT
    s.*,
    k.k,
    s.s * 128 + k.k AS i,
    s.at + interval '1 millisecond' * (k.k * s.pace + pg_temp.below(10000, pg_temp.draw(30, s.s * 128 + k.k))) AS ts,
    least(79, s.place + k.k / s.slow) AS x,
    1 + pg_catalog.width_bucket(
        pg_temp.below(100, pg_temp.draw(29, s.s * 128 + k.k)), ARRAY[34, 54, 69, 76, 86, 93, 96, 98]::bigint []
    ) AS kind
FROM demo_session AS s
CROSS JOIN pg_catalog.generate_series(0, s.n - 1) AS k (k);
