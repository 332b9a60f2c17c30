-- The index profile that the database has, and since when: one row, or none if it is the guide's.
SELECT
    s.profile,
    s.changed_at
FROM lmsschema_settings AS s
