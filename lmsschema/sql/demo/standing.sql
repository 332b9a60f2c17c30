-- What synthetic data the schema has, whether all of that of a seed is there, and whether it has users.
-- Parameters: seed.
SELECT
    ARRAY(
        SELECT i.settings -> 'demo' FROM institutions AS i
        WHERE i.settings ? 'demo'
        ORDER BY i.domain
    ) AS demos,
    EXISTS (
        SELECT FROM learner_analytics AS a
        INNER JOIN users AS u ON a.user_id = u.id
        WHERE u.username = 'learner-1-s' || %(seed)s
    ) AS complete,
    EXISTS (SELECT FROM users) AS has_users
