-- Which of some statements are void (%(institution)s, %(ids)s).
SELECT statement_id
FROM event_voidings
WHERE institution_id = %(institution)s AND statement_id = ANY(%(ids)s::uuid [])
