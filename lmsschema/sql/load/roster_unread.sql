-- How many lines of the roster could not be read.
SELECT count(*)
FROM roster_stage
WHERE kind = 'reject'
