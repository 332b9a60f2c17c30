-- Withdraw enrollments (%(ids)s).
UPDATE enrollments
SET enrollment_status = 'withdrawn'
WHERE id = ANY(%(ids)s::uuid [])
