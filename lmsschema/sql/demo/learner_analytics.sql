-- A profile of each learner. That of the first learner says that all of the data is there.
-- Parameters: until.
INSERT INTO learner_analytics (
    id, user_id, overall_mastery_score, learning_velocity, engagement_consistency, success_probability,
    profile_updated_at, last_activity_at
)
SELECT
    pg_temp.key(13, u.u),
    pg_temp.key(2, u.u),
    pg_catalog.round(pg_temp.below(101, pg_temp.draw(32, u.u)) / 100.0, 2),
    pg_catalog.round(pg_temp.below(501, pg_temp.draw(33, u.u)) / 100.0, 2),
    pg_catalog.round(pg_temp.below(101, pg_temp.draw(34, u.u)) / 100.0, 2),
    pg_catalog.round(pg_temp.below(101, pg_temp.draw(35, u.u)) / 100.0, 2),
    %(until)s,
    a.last_active_at
FROM demo_institution AS i
CROSS JOIN pg_catalog.generate_series(i.first_learner, i.first_learner + i.learners - 1) AS u (u)
INNER JOIN users AS a ON a.id = pg_temp.key(2, u.u)
ORDER BY u.u
